"""The names of secrets and of personal data, in groups, each with where its names come from.

A name is written in words. It stands for every writing of them (``apiKey``, ``api-key``,
``API_KEY``, ``apikey``), with accents or without, for the plural in ``s``, and with or without the
small words within it (``fecha de nacimiento``, ``fechaNacimiento``). ``number`` stands for ``no``,
``nr``, ``num``, ``numero``, ``numer`` and ``nummer`` too, and ``<store>`` for each of that list.

Behind a group's title stands how its names are read: ``texts`` leaves small numbers, which count
something; ``digits`` hides only what has the digits of a card, ``pin``, ``account`` and ``place``
what has the form of one; of a ``soft`` name a word behind it that nobody knows makes something
else; ``personal`` is what most logs want, and ``query`` is a secret in a query string alone.
"""

from __future__ import annotations

TABLE = """
<store> = db database postgres postgresql pg mysql mariadb mongo mongodb redis cache broker amqp
  rabbitmq celery sql sqlalchemy jdbc odbc smtp ftp sftp ldap mail elasticsearch kafka
<vendor> = aws gcp azure google stripe sendgrid mailgun mailchimp twilio openai anthropic github
  gitlab slack datadog algolia cloudflare heroku square paypal braintree adyen mapbox maps
  firebase facebook twitter telegram discord pagerduty sentry newrelic segment mixpanel amplitude
  intercom zendesk hubspot dropbox shopify plaid postmark pusher recaptcha vapid fcm
<purpose> = backup recovery verification verify confirmation activation invitation invite login
  access sms security reset pairing unlock validation passport emergency magic scratch

[passwords]
source: Sentry's EventScrubber, Rails' filter_parameters, Elastic APM's sanitize_field_names,
  Django's HIDDEN_SETTINGS, gitleaks
password, passwd, passwrd, passw, psswd, pwd, pword, pass word, pass phrase, passphrase, passcode,
pass code, pw, psw, userpass, user pass, htpasswd, credential, cred, pg password, bind pw, pass 1,
pass 2, new pass, old pass, salt, bcrypt, argon2, pbkdf2, scrypt, login pass, account pass,
my pass, key pass, store pass, keystore, truststore pass, password reset url, password reset link,
sudo pass, proxy pass, basic pass, http pass, admin pass, root pass, email pass, <store> pass

[passwords in other languages]
source: forms and models in German, French, Spanish, Italian, Portuguese, Polish
passwort, kennwort, geheim, geheimnis, losungswort, zugangsdaten, zugangscode, sicherheitscode,
zugangstoken, mot de passe, mdp, code secret, contrasena, contrasenya, contrasenia, clave,
secreto, codigo de acceso, codigo de seguridad, parola chiave, parola d ordine, segreto,
codice di accesso, codice segreto, codice di sicurezza, senha, palavra passe, segredo,
codigo de acesso, codigo de seguranca, haslo, sekret, kod dostepu, tajny kod

[keys and secrets]
source: Sentry, Django (SECRET_KEY, API_KEY), gitleaks and truffleHog by vendor, Kubernetes, Vault
secret, api key, apikey, access key, access key id, aws access key id, private key, priv key,
secret key, secret id, signing key, encryption key, encrypt key, master key, shared key,
shared access key, consumer key, consumer secret, subscription key, app key, application key,
account key, storage key, activation key, license key, session key, security key, service key,
service account, service account key, deploy key, deploy token, ssh key, ssh private, pgp key,
gpg key, rsa key, id rsa, id dsa, id ecdsa, id ed25519, pem key, hmac key, hmac, aes key,
cipher key, crypto key, webhook secret, webhook key, webhook url, integration key, write key,
admin key, root key, host key, tls key, ssl key, server key, client key, auth key,
authorization key, recovery key, seed phrase, mnemonic, kubeconfig, x vault token, api secret,
app secret, ocp apim subscription key, x functions key, cle api, cle privee, cle secrete,
cle d acces, clave api, clave privada, clave secreta, clave de acceso, chiave api, chiave privata,
chiave segreta, chave api, chave privada, chave secreta, chave de acesso, klucz api,
klucz prywatny, klucz dostepu, api schluessel, privater schluessel, geheimer schluessel,
zugangsschluessel, x api, <vendor> key, <vendor> api

[tokens] texts
source: RFC 6750, Elastic APM, Rails, Django, Laravel, Devise, GitHub
token, jwt, jws, jwe, bearer, personal access token, authenticity token, csrfmiddlewaretoken,
sas token, uidb, unsubscribe token, id token hint, refresh token, token secret, gettone, jeton,
access grant, ticket granting ticket, tgt

[tokens and authorizations by their short names] texts soft
source: Express, Angular, Rails; Elastic APM's *auth*
csrf, xsrf, pat, authorization, authentication, proxy authorization, auth, xoauth, basic auth,
http auth, x auth, oauth, sso, auth header, auth string, auth data

[sessions and cookies] texts soft
source: PHP, Java servlets, ASP.NET, Express, Laravel, Rails, Django; Sentry's list
session, session id, sessid, sess id, phpsessid, jsessionid, asp net session id, aspsessionid,
aspxauth, connect sid, sid, cookie, set cookie, remember me, sitzung, sitzungs id, sesion, sessao,
sessione, sesja, cfid, cftoken, csrf cookie

[OAuth, OpenID Connect and SAML] soft
source: RFC 6749, 7521, 7636, 8628, 8693, 9101, 9126; OpenID Connect Core; SAML 2.0 bindings
authorization code, auth code, code verifier, code challenge, client assertion, assertion,
device code, user code, login hint, logout hint, oauth verifier, oauth nonce,
oauth callback confirmed, oauth signature, oauth consumer key, subject token, actor token,
request token, requested token, saml response, saml request, samlart, saml assertion, relay state,
auth req id, pkce verifier, registration access token, dpop, software statement

[one-time codes and ways back in] soft
source: Devise, django-otp, django-allauth, Auth0, Okta; RFC 4226 and 6238
otp, otp attempt, totp, hotp, one time password, one time pin, one time code, mfa, mfa code, 2 fa,
2 fa code, twofa, two factor, two factor code, tfa, pin code, pincode, puk, puk code, reset link,
reset url, magic link, magic url, login link, login url, signed url, presigned url,
confirmation link, confirmation url, activation link, activation url, verification link,
verification url, invitation link, invite link, invite url, security answer, security question,
secret answer, secret question, mothers maiden name, maiden name, qr secret, authenticator secret,
unlock pattern, <purpose> code

[signed URLs] soft
source: AWS Signature Version 4 and CloudFront, Google's V4 signatures, Azure's SAS
signature, sig, x amz signature, x amz credential, x amz security token, x goog signature,
x goog credential, key pair id, hub signature, hmac signature, unterschrift

[where to connect, password and all]
source: Heroku, Django's DATABASES, SQLAlchemy, Celery, Azure, Sentry
dsn, sentry dsn, connection string, conn string, conn str, connstr, connection url,
connection uri, slack webhook, clouddsn, <store> url, <store> uri, <store> dsn, <store> connection

[payment]
source: PCI DSS, Stripe, Braintree, Adyen, ISO 13616 (IBAN); Microsoft Presidio, AWS Macie
credit card, debit card, card number, cardnum, cc number, ccnum, ccn, cc num, bank card,
payment card, primary account number, cvv, cvv 2, cvc, cvc 2, ccv, csc, card code,
card security code, card verification, card verification value, card expiry, card expiration,
card exp, card holder, card holder name, cardholder, cardholder name, name on card,
fecha de caducidad, date d expiration, expiration date, exp date, expdate, exp month, exp year,
expiry month, expiry year, track data, track 1, track 2, pin block, iban, bic, swift code,
sort code, routing number, aba number, aba routing, account number, acct number, acct,
bank account, bank details, bank number, account holder, sepa mandate, mandate reference,
wallet address, bitcoin address, crypto address, paypal email, kontonummer, kontoinhaber,
bankleitzahl, blz, bankverbindung, kreditkarte, kreditkartennummer, kartennummer,
kartenpruefnummer, pruefnummer, karteninhaber, carte bancaire, carte de credit, numero de carte,
cryptogramme, rib, compte bancaire, numero de compte, titulaire du compte, titulaire de la carte,
tarjeta de credito, tarjeta de debito, numero de tarjeta, cuenta bancaria, numero de cuenta,
titular de la tarjeta, titular de la cuenta, carta di credito, carta di debito, numero di carta,
numero carta, conto corrente, conto bancario, numero di conto, intestatario, cartao de credito,
cartao de debito, numero do cartao, conta bancaria, conta corrente, numero da conta,
titular do cartao, karta kredytowa, karta platnicza, numer karty, konto bankowe, numer konta,
numer rachunku, rachunek bankowy, wlasciciel konta

[names of people]
source: schema.org Person, vCard (RFC 6350), GDPR article 4; forms in seven languages
first name, fname, given name, last name, lname, family name, surname, forename, middle name,
full name, fullname, real name, legal name, birth name, preferred name, customer name,
contact name, patient name, recipient name, beneficiary name, holder name, payer name,
person name, guardian name, employee name, applicant name, candidate name,
student name, trainer name, referrer name, by name, spouse name, emergency contact,
next of kin, patronymic, vorname,
nachname, familienname, zuname, voller name, vollstaendiger name, geburtsname, maedchenname,
prenom, nom de famille, nom complet, nom de naissance, nom de jeune fille, nom et prenom,
nom du client, nombre completo, nombre de pila, primer nombre, segundo nombre, nombre y apellido,
nombre del cliente, apellido, primer apellido, segundo apellido, cognome, nome completo,
nome e cognome, nominativo, sobrenome, primeiro nome, ultimo nome, nome proprio, nome do cliente,
nome da mae, nombre de la madre, imie, imie i nazwisko, nazwisko, nazwisko rodowe, drugie imie

[names of people that are more than these elsewhere] soft
source: forms in French, Italian, Portuguese, Spanish
nom, nome, nombre, apelido

[ways to reach people] texts soft
source: vCard, schema.org ContactPoint, Sentry's PII list; forms in seven languages
email, e mail, mail, email address, mail address, e mail address, reply to, mail to, rcpt to,
contact number, phone, phone number, telephone, telephone number, tel, tel number, mobile,
mobile number, mobile phone, cell, cell phone, cellphone, cell number, fax, fax number,
home phone, work phone, msisdn, whatsapp, skype, email adresse, mail adresse, telefon,
telefonnummer, handy, handynummer, mobil, mobilnummer, mobiltelefon, rufnummer, faxnummer,
festnetz, courriel, adresse mail, adresse email, adresse electronique, numero de telephone,
numero portable, tel portable, mobile portable, correo, correo electronico, direccion de correo,
telefono, numero de telefono, movil, numero de movil, celular, telefono movil, posta elettronica,
indirizzo email, indirizzo di posta, numero di telefono, cellulare, numero di cellulare,
correio eletronico, endereco de email, telefone, numero de telefone, telemovel,
numero de telemovel, numero de celular, adres email, adres e mail, poczta elektroniczna,
numer telefonu, komorka, telefon komorkowy

[where people live] soft
source: schema.org PostalAddress, Shopify's and Stripe's address objects; forms in seven languages
street, street address, street name, street number, address line, address 1, address 2, address 3,
addr 1, addr 2, line 1, line 2, line 3, line 4, home address, postal address, mailing address,
billing address, shipping address, delivery address, residential address, physical address,
full address, customer address, house number, apartment number, postal code, postcode, post code,
zip code, zipcode, anschrift, hausanschrift, lieferadresse, rechnungsadresse, postanschrift,
strasse, strassenname, hausnummer, postleitzahl, plz, wohnort, wohnsitz, adresse postale,
adresse de livraison, adresse de facturation, adresse du domicile, rue, nom de rue, code postal,
domicile, domicilio, calle, direccion postal, direccion de envio, direccion de facturacion,
codigo postal, indirizzo di residenza, indirizzo di spedizione, indirizzo di fatturazione,
residenza, codice postale, endereco, endereco de entrega, morada, rua, logradouro, bairro, cep,
adres zamieszkania, adres dostawy, adres korespondencyjny, ulica, numer domu, numer mieszkania,
kod pocztowy, zamieszkanie

[when and where people were born] soft
source: GDPR, HIPAA's identifiers (45 CFR 164.514), forms in seven languages
birthday, birth date, birthdate, date of birth, dob, birth day, birth year, year of birth,
place of birth, birth place, birthplace, birth city, geburtsdatum, geburtstag, geburtsort,
geburtsjahr, date de naissance, lieu de naissance, naissance, fecha de nacimiento,
lugar de nacimiento, nacimiento, data di nascita, luogo di nascita, nascita, data de nascimento,
local de nascimento, nascimento, data urodzenia, miejsce urodzenia, urodziny

[numbers that the state gives]
source: Microsoft Presidio, AWS Macie, Google Cloud DLP's infoTypes
ssn, social security, social security number, social insurance number, sin number,
national insurance, national insurance number, nino, ni number, passport number, driver license,
driver licence, drivers license, driving licence, driving license, license number, licence number,
dl number, tax id, tax number, taxpayer id, tax identification number, tin, itin, ein, vat number,
vat id, national id, national id number, national number, id number, id card, identity card,
identity number, identity document, citizen id, resident id, personal number, personnummer,
aadhaar, aadhar, pan number, bsn, voter id, alien number, visa number, license plate,
number plate, plate number, imei, imsi, iccid, sim number, steuer id, steuernummer,
steueridentifikationsnummer, steuer identifikationsnummer, sozialversicherungsnummer,
rentenversicherungsnummer, svnr, ahv nummer, personalausweis, personalausweisnummer,
ausweisnummer, reisepass, reisepassnummer, passnummer, fuehrerschein, fuehrerscheinnummer,
kennzeichen, numero de securite sociale, securite sociale, numero de secu, nir, carte d identite,
numero d identite, cni, passeport, numero de passeport, permis de conduire, numero fiscal, dni,
nif, nie, curp, documento de identidad, numero de documento, pasaporte, numero de pasaporte,
seguridad social, numero de seguridad social, permiso de conducir, carnet de conducir,
licencia de conducir, cedula, codice fiscale, partita iva, carta d identita, documento d identita,
passaporto, numero di passaporto, patente, patente di guida, numero patente, cpf, cnpj, rg, pis,
bilhete de identidade, cartao de cidadao, documento de identidade, passaporte,
numero do passaporte, carteira de motorista, carteira de identidade, carta de conducao, cnh,
titulo de eleitor, niss, numero de contribuinte, pesel, numer pesel, nip, regon, dowod osobisty,
numer dowodu, seria dowodu, paszport, numer paszportu, prawo jazdy, numer prawa jazdy

[passports, which a library is called too] soft
source: Passport for Node and Laravel
passport

[health and what the law holds special] soft
source: HIPAA's identifiers, GDPR article 9
medical record, medical record number, mrn, health insurance, health insurance number,
insurance number, health card, medicare, medicare number, medicaid, nhs number,
health plan number, diagnosis, blood type, medical history, patient id, disability, ethnicity,
race ethnicity, religion, religious belief, political opinion, face id, sexual orientation,
union membership, biometric, genetic data, krankenversicherungsnummer, versichertennummer,
versicherungsnummer, krankenkasse, carte vitale, numero de mutuelle, tarjeta sanitaria,
historia clinica, tessera sanitaria, numero utente, cartao de saude, cartao sus,
numer ubezpieczenia

[cards, which may be a board's] digits
source: what it is, only the value tells
card, pan, cc, karte, carte, tarjeta, carta, cartao, karta

[pins, which may be on a map] pin
source: what it is, only the value tells
pin, card pin, user pin, pin number

[accounts, which may be a customer's] account
source: what it is, only the value tells
account, konto, compte, cuenta, conto, conta

[addresses, which may be a machine's] place soft
source: what it is, only the value tells
address, addr, adresse, direccion, indirizzo, adres

[what is a secret in a query] soft query
source: RFC 6749, section 4.1.2; Google's API keys
code, state, key, pass

[people, as most logs want them] soft personal
source: schema.org Person, OpenTelemetry's client and user_agent, GDPR article 4
city, town, country, province, county, municipality, age, gender, sex, nationality, citizenship,
marital status, occupation, job title, client address, client ip, client addr, ip, ip address,
ip addr, remote ip, remote addr, remote address, peer address, x forwarded for, forwarded for,
x real ip, real ip, forwarded, cf connecting ip, true client ip, source ip, src ip, user agent,
useragent, sec ch ua, device, device id, device name, device model, device type, idfa, gaid,
advertising id, mac address, latitude, longitude, lat, lng, lon, coordinates, geolocation, geo,
gps, username, user name, login, nickname, display name, stadt, ort, land, alter, geschlecht,
staatsangehoerigkeit, benutzername, ville, pays, sexe, nationalite, utilisateur,
nom d utilisateur, ciudad, pais, edad, genero, nacionalidad, usuario, nombre de usuario, citta,
paese, eta, sesso, cittadinanza, utente, nome utente, cidade, idade, sexo, nacionalidade,
nome de usuario, miasto, kraj, wiek, plec, obywatelstwo, uzytkownik, nazwa uzytkownika
"""
