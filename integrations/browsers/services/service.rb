# A service in Ruby, without packages: it calls a service with clew, and passes the id on.
require "net/http"
require "securerandom"
require "socket"

port, upstream = ARGV

server = TCPServer.new("127.0.0.1", port)
loop do
  client = server.accept
  target = client.gets.to_s.split[1]
  headers = {}
  while (line = client.gets.to_s.chomp) != ""
    name, value = line.split(": ", 2)
    headers[name.downcase] = value
  end
  next client.close unless target # it left

  id = headers["x-request-id"] || SecureRandom.uuid
  answer = Net::HTTP.get_response(URI(upstream + target), { "X-Request-ID" => id })
  client.write("HTTP/1.1 200 OK\r\nX-Request-ID: #{id}\r\nConnection: close\r\n" \
               "Content-Length: #{answer.body.bytesize}\r\n\r\n#{answer.body}")
  client.close
end
