// Calls an API with an id of the page's own, and tells the id under which its log has the call.
async function call(url, options = {}) {
  const headers = new Headers(options.headers);
  // In a page that is not of https or localhost, there is no randomUUID.
  const sent = crypto.randomUUID?.() ?? String(crypto.getRandomValues(new BigUint64Array(1))[0]);
  headers.set("X-Request-ID", sent);
  try {
    const response = await fetch(url, { ...options, headers });
    return { response, requestId: response.headers.get("X-Request-ID") ?? sent };
  } catch (error) {
    error.requestId = sent; // for the message to the user: the log may have it all the same
    throw error;
  }
}
