// A service in Java, without packages: it calls a service with clew, and passes the id on.
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.UUID;

public class Service {
    public static void main(String[] arguments) throws Exception {
        int port = Integer.parseInt(arguments[0]);
        String upstream = arguments[1];
        HttpClient client = HttpClient.newHttpClient();
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
        server.createContext("/", exchange -> {
            String given = exchange.getRequestHeaders().getFirst("X-Request-ID");
            String id = given == null || given.isEmpty() ? UUID.randomUUID().toString() : given;
            HttpRequest request = HttpRequest.newBuilder(URI.create(upstream + exchange.getRequestURI()))
                .header("X-Request-ID", id)
                .build();
            exchange.getResponseHeaders().set("X-Request-ID", id);
            try (exchange) {
                byte[] body = client.send(request, BodyHandlers.ofByteArray()).body();
                exchange.sendResponseHeaders(200, body.length);
                exchange.getResponseBody().write(body);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }
}
