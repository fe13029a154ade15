"""Asks the server for two pages, and prints its answers."""

from http.client import HTTPConnection

for path in ["/", "/cellar"]:
    connection = HTTPConnection("127.0.0.1", 47811, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    print(f"{path}: {answer.status}, {answer.read().decode()}", flush=True)
    connection.close()
