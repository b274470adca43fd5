// A service in Node, without packages: it calls a service with clew, and passes the id on.
import { createServer } from "node:http";

const [port, upstream] = process.argv.slice(2);

createServer(async (request, response) => {
  const id = request.headers["x-request-id"] ?? crypto.randomUUID();
  const answer = await fetch(upstream + request.url, { headers: { "X-Request-ID": id } });
  response.setHeader("X-Request-ID", id);
  response.end(await answer.text());
}).listen(port, "127.0.0.1");
