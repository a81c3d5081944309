"""A client of granule.v1 on nothing but a WebSocket and a CBOR library (Debian: python3-websockets, python3-cbor2)."""

import asyncio

import cbor2
import websockets

HELLO, REQUEST, RESULT, ERROR, CANCEL, DATA, CREDIT, END, RESET, ITEM, GOAWAY = range(11)


class GranuleError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]


def refuse_tag(_decoder, tag):
    raise ValueError(f"the server sent tag {tag.tag}")


class Stream:
    """What comes on a stream (bytes) or a subscription (items); gives credit back as it is read."""

    def __init__(self, client, number):
        self.client, self.number, self.queue = client, number, asyncio.Queue()

    def __aiter__(self):
        return self

    async def __anext__(self):
        kind, value = await self.queue.get()
        if kind == END:
            raise StopAsyncIteration
        if kind == RESET:
            raise GranuleError(value)
        await self.client.send([CREDIT, self.number, len(value) if kind == DATA else 1])
        return value

    async def write(self, data):
        await self.client.send([DATA, self.number, data])

    async def end(self):
        await self.client.send([END, self.number])

    async def cancel(self):
        await self.client.send([RESET, self.number, "CANCELLED"])

    async def read_all(self):
        return b"".join([data async for data in self])


class Client:
    """One connection: `call` a method, then `stream` what its result names."""

    def __init__(self, socket):
        self.socket, self.pending, self.streams, self.next_id = socket, {}, {}, 1

    @classmethod
    async def connect(cls, path):
        socket = await websockets.unix_connect(
            path, "ws://localhost/", subprotocols=["granule.v1.cbor"], max_size=1 << 26
        )
        client = cls(socket)
        kind, client.hello = client.decode(await socket.recv())[:2]
        assert kind == HELLO and client.hello["protocol"] == "granule.v1"
        client.reader = asyncio.create_task(client.read())
        return client

    async def close(self):
        await self.socket.close()
        await self.reader

    @staticmethod
    def decode(message):
        return cbor2.loads(message, tag_hook=refuse_tag)

    async def send(self, message):
        await self.socket.send(cbor2.dumps(message))

    async def read(self):
        try:
            async for message in self.socket:
                kind, number, *rest = self.decode(message)
                if kind in (RESULT, ERROR):
                    self.pending.pop(number).set_result((kind, rest[0]))
                elif kind in (DATA, ITEM, END):
                    self.stream(number).queue.put_nowait((kind, rest[0] if rest else None))
                elif kind == RESET:
                    error = rest[1] if len(rest) > 1 else {"code": rest[0], "message": "reset"}
                    self.stream(number).queue.put_nowait((kind, error))
        except websockets.ConnectionClosedOK:
            pass

    def stream(self, number):
        return self.streams.setdefault(number, Stream(self, number))

    async def call(self, method, params=None, **options):
        number, self.next_id = self.next_id, self.next_id + 1
        answer = self.pending[number] = asyncio.get_running_loop().create_future()
        await self.send([REQUEST, number, method, params or {}, options])
        kind, value = await answer
        if kind == ERROR:
            raise GranuleError(value)
        return value
