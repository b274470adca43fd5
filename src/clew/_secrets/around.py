"""The words around a name that say what it is about: a ``token_count`` is a count.

They are of the daily work of web applications, task queues, mail and language models.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Behind a name, these are what it is about.
HEADS = _words(
    """
    count counter counts total sum number_of length len size limit quota max min maximum
    minimum average avg median rate ratio percent percentage usage used spent left remaining
    budget cost price amount sold spend age ttl timeout duration seconds sec ms millis minutes
    hours days lifetime delay interval frequency width height depth bytes kb mb score strength
    entropy complexity

    time timestamp date at on until since before after from to by expiry expires expire expired
    expiration expiring created updated deleted changed sent received started ended issued

    is valid invalid ok failed fail failure failures error errors success succeeded status
    state required needed enabled disabled allowed denied supported present missing empty
    exists set active inactive verified unverified confirmed unconfirmed validated accepted
    rejected blocked locked unlocked revoked rotated changes change available optional match
    matches matched mismatch check checks checked checking visible hidden shown public flag

    id ids uuid guid pk type types kind format mode method methods scheme class category level
    tier role roles scope scopes version algorithm algo alg cipher curve name names title label
    labels tag tags slug index order position rank row rows column columns col field fields
    attr attribute group model brand vendor make provider providers issuer issuers network
    country region currency locale language lang timezone tz zone prefix suffix separator
    charset encoding source origin destination target reason cause action actions event events
    step steps stage phase flow flows grant grants per period within instructions

    backend backends engine driver service services server servers host hosts port domain
    domains subdomain manager handler handlers factory builder validator validators validation
    parser generator generation store storage cache pool queue bucket buckets table collection
    middleware filter filters serializer schema adapter module plugin library package client
    clients app apps application component controller view views page pages screen form forms
    button input widget modal dialog tab icon image logo color theme style layout endpoint
    endpoints url urls uri uris path paths file files filename folder dir directory template
    templates subject body content message messages draft subscriber subscribers subscription
    subscriptions campaign campaigns newsletter notification notifications notify alert alerts
    reminder reminders preferences preference setting settings option options opt optin optout
    config configuration consent banner notice policy policies rule rules requirement
    requirements history reuse rotation attempts retries retry tries job jobs task tasks hook
    hooks listener request requests deliverability delivery bounce bounces opens clicks open
    click hint hints placeholder description help info note notes comment comments
    documentation docs tutorial example

    santa jar ring bucketing agent reader pack deck game reward rewards lamp car light art kit
    song sharing last last4 bin area dashboard board grid carousel stack union member members
    team squad coach speaker trainer room affinity sticky stickiness replay recording
    recordings analytics metrics stats statistics report reports log logs trace traces span
    spans tracker tracking

    anzahl laenge lange groesse grosse typ gueltig gultig datum longueur taille cantidad
    longitud tipo valido valida quantita lunghezza scadenza quantidade tamanho liczba dlugosc
    rodzaj produit produkt producto produto prodotto fichier archivo arquivo entreprise empresa
    azienda projet proyecto projeto progetto categorie categoria
    """
)

# Behind a name, these leave it what it is.
NEUTRAL = _words(
    """
    value val values text string str digest hash hashed hashes salt salted encrypted encoded
    decoded plain plaintext raw clear cleartext base64 b64 hex digit digits number numbers data
    confirm confirmation repeat repeated again retype verify verification old new current
    previous prev temp temporary default primary secondary backup home work office private
    personal business list array header headers param parameter arg env var secret key token
    code pin word base fallback fallbacks prod production dev staging test live ascii kana
    romaji native en de fr es it pt pl one two first second line full main alt alternate
    alternative other ext extension user customer admin owner contact person utilisateur
    usuario utente kunde klient cliente part address addresses street
    """
)

# Before a name, these say that it is a truth value, an amount, a function.
LEADS = _words(
    """
    has have is are was were needs need require requires max min maximum minimum avg average
    mean median show hide allow allows enable enables disable use uses using support supports
    can should must will did do does without skip send sends sending validate validates check
    checks forgot forget change changing masked redacted not non never tiene hat ist est masque
    public publishable save saves same preserve via in notify encrypt follow
    """
)

# Before the plural of a name, these say how many.
COUNTING = _words(
    """
    num number n nb total sum all prompt completion input output cached cache reasoning
    thinking generated generate consumed estimated remaining used available free audio image
    text stop special active unread open concurrent anzahl liczba cantidad quantidade
    """
)

# Phrases that are something else, though a part of them names a secret.
OTHERS = """
    page token, next token, next page token, prev token, prev page token, previous token,
    continuation token, sync token, next sync token, delta token, resume token, cursor token,
    pagination token, start token, end token, bos token, eos token, pad token, unk token,
    mask token, sep token, cls token, stop token, special token, prompt token,
    completion token, input token, output token, cached token, reasoning token, max token,
    total token, fencing token, lock token, ring token, cancellation token, lexer token,
    parser token, unexpected token, current token, erc 20 token, nft token, token ring,
    token bucket, string token, word token, design token, training session, speaker session,
    game session, study session, coaching session, therapy session, practice session,
    workout session, yoga session, breakout session, plenary session, poster session,
    parallel session, recording session, photo session, jam session, keynote session,
    conference session, chat session, learning session, tutoring session, class session,
    lab session, charging session, spark session, db session, database session, play session,
    screening session, live session, group session, exam session, secret santa, secret sauce,
    public key, primary key, foreign key, partition key, sort key, object key, s 3 key,
    cache key, routing key, idempotency key, natural key, composite key, function signature,
    method signature, time signature, type signature, file signature, call signature,
    digital signature type, fortune cookie, http cookie jar, first name order, author email,
    committer email, maintainer email, support email, email host, smtp mail, mail server,
    mail queue, street lamp, street view, street car, wall street, main street, street art,
    phone home, cell count, cell value, cell type, table cell, cell index, fuel cell,
    stem cell, solar cell, mobile app, mobile web, mobile device, mobile first, scan code,
    mobile site, auth user, product line 1, order line 1, state code, country code,
    currency code, service address, server address, listen address, bind address,
    memory address, email verification, email confirmation, email validation,
    phone verification, phone validation, password reset, password change, password recovery,
    token refresh, token exchange, session cookie age, nom de fichier, nom du fichier,
    nom du produit, nom de domaine, nome do produto, nome do arquivo, nome del prodotto,
    nome prodotto, nome file, nome da empresa, nombre del producto, nombre producto,
    nombre de archivo, nombre de la empresa, nombre de commandes, nom projet
"""

# Parts of names that are written as one word.
MODIFIERS = _words(
    """
    new old reset company sender user users client customer admin root login signin
    signup register account
    access refresh auth api app web my our current confirm confirmed confirmation repeat
    repeated temp secret session id db database mail email mobile phone card bank credit debit
    home work personal private primary secondary billing shipping contact device push verify
    verification invite invitation activation activate magic recovery backup bearer oauth csrf
    xsrf jwt sso request response service server master shared signing encryption host proxy
    smtp ftp ssh wifi php java asp github gitlab slack stripe aws gcp azure google facebook
    twitter meu minha mein meine mon ma mes mi su suo mio neues neue altes nouveau nouvelle
    ancien nueva nuevo nuova nuovo nova novo nowe nowy stare kunden benutzer nutzer klient
    klienta cliente utilisateur usuario utente
    """
)

# Small words within a name.
SMALL = _words(
    """
    de di da do del della dello dell du des la le les el los las dos das of the d l a e et y i
    und en
    """
)

# What stands for a number.
NUMBERS = _words(
    """
    no nr num numero numer nummer nro nbr number
    """
)
