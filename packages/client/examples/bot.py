"""Answers every "ping" once, whatever drops, by the frames of REFERENCE.md alone. Needs the package websocket-client.

python bot.py URL USERNAME PASSWORD ROOM_ID
"""

import json
import random
import sys
import time
import urllib.request

import websocket

URL, USERNAME, PASSWORD, ROOM_ID = sys.argv[1:5]
HEARTBEAT_S = 20


def rest(method, path, body=None, token=None):
    """The api's answer; a urllib.error.HTTPError otherwise."""
    request = urllib.request.Request(URL + path, method=method)
    request.add_header("content-type", "application/json")
    if token is not None:
        request.add_header("authorization", f"Bearer {token}")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data, timeout=10) as answer:
        return json.load(answer)


class Bot:
    def __init__(self):
        self.session = rest("POST", "/auth/login", {"username": USERNAME, "password": PASSWORD})
        self.last = 0  # Everything up to this seq was seen.
        self.unsettled = {}  # Sends that nobody has answered yet, by clientMsgId.

    def live(self):
        """Connects, catches up from the last seq, and goes on until the connection ends."""
        [edge, *_] = rest("GET", "/config")["wsUrls"]
        token = self.session["accessToken"]
        self.socket = websocket.create_connection(
            edge,
            subprotocols=["roomlog.v1"],
            header=[f"Authorization: Bearer {token}"],
            suppress_origin=True,  # It is no page of a browser.
            timeout=HEARTBEAT_S,
        )
        self.send(type="joinRoom", roomId=ROOM_ID, afterSeq=self.last)
        for frame in self.unsettled.values():
            self.send(**frame, repeat=True)
        while True:
            try:
                text = self.socket.recv()
            except websocket.WebSocketTimeoutException:
                self.send(type="heartbeat")
                continue
            self.hear(json.loads(text))

    def hear(self, frame):
        kind = frame["type"]
        if kind == "joinedRoom":
            if frame.get("recovered") is False:
                self.page_up_to(frame["headSeq"])
            print("live", flush=True)
        elif kind == "newMessage":
            self.see(frame["message"])
        elif kind == "ack" and frame["status"] == "ACCEPTED":
            self.unsettled.pop(frame["clientMsgId"], None)
        elif kind == "ack" and not frame["retryable"]:
            print("refused:", self.unsettled.pop(frame["clientMsgId"], frame), flush=True)
        elif kind == "ack":
            time.sleep(frame.get("retryAfterMs", 1000) / 1000)
            self.send(**self.unsettled[frame["clientMsgId"]], repeat=True)
        elif kind == "draining":
            time.sleep(frame["reconnectAfterMs"] / 1000)
            self.socket.close()
        # Frames of other types are of no use here.

    def page_up_to(self, head):
        """More is missing than a join brings."""
        while self.last < head:
            path = f"/rooms/{ROOM_ID}/messages?after={self.last}&limit=100"
            for message in rest("GET", path, token=self.session["accessToken"])["messages"]:
                self.see(message)

    def see(self, message):
        if message["seq"] <= self.last:
            return
        self.last = message["seq"]
        if message["body"] == "ping" and message["senderId"] != self.session["user"]["id"]:
            # Named after what it answers: said again, by a bot that was started anew, it stays one message.
            name = f"pong-to-{message['seq']}"
            frame = {"type": "sendMessage", "roomId": ROOM_ID, "clientMsgId": name, "body": f"pong to {message['seq']}"}
            self.unsettled[name] = frame
            self.send(**frame)

    def send(self, **frame):
        self.socket.send(json.dumps(frame))


bot = Bot()
while True:
    try:
        bot.live()
    except (OSError, websocket.WebSocketException) as error:
        print("offline:", error, flush=True)
        time.sleep(random.uniform(0.5, 5))
        try:
            refreshed = {"refreshToken": bot.session["refreshToken"]}
            bot.session = rest("POST", "/auth/refresh", refreshed)
        except OSError:
            pass  # The api is away, too: the next attempt says so.
