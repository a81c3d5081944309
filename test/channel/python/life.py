"""The whole life of a container over a channel; `life.py SOCKET` prints what it saw as JSON."""

import asyncio
import json
import sys

from granule import Client, GranuleError

SCRIPT = "echo up; echo err >&2; trap 'echo bye; exit 7' TERM; while :; do sleep 0.05; done"


async def life(path):
    seen = {}
    client = await Client.connect(path)
    call, stream = client.call, client.stream
    seen["role"] = client.hello["role"]
    info = await call("runtime.info")
    seen["memoryIsInt"] = isinstance(info["memoryBytes"], int) and info["memoryBytes"] > 2**32
    events = stream((await call("events.subscribe"))["subscription"])
    options = {
        "image": "busybox",
        "command": ["sh", "-c", SCRIPT],
        "name": "python",
        "memory": 64 << 20,
        "cpus": 0.5,
        "tags": {"team": "a"},
    }
    made = await call("containers.create", options, idempotencyKey="once")
    again = await call("containers.create", options, idempotencyKey="once")
    seen["madeOnce"] = made == again
    target = {"id": made["id"]}
    await call("containers.start", target)
    inspected = await call("containers.inspect", {"id": "python"})
    seen["state"], seen["memoryBytes"] = inspected["state"], inspected["memoryBytes"]
    seen["listed"] = [one["name"] for one in await call("containers.list", {"tags": {"team": "a"}})]

    execution = await call("containers.exec", {**target, "command": ["sh", "-c", "wc -c; exit 3"], "stdin": True})
    stdin, stdout = stream(execution["stdin"]), stream(execution["stdout"])
    for _ in range(4):
        await stdin.write(b"x" * 50_000)
    await stdin.end()
    seen["execOutput"] = (await stdout.read_all()).decode().strip()
    seen["execExit"] = [item["exit"]["code"] async for item in stream(execution["attachment"])]

    samples = stream((await call("samples.subscribe", target))["subscription"])
    item = await samples.__anext__()
    seen["sample"] = item["samples"][0]["id"] == made["id"] and item["samples"][0]["cpu"]["usageUsec"] > 0
    await samples.cancel()

    await call("containers.pause", target)
    await call("containers.resume", target)
    await call("containers.update", {**target, "limits": {"memory": 128 << 20}})
    try:
        await call("containers.wait", target, deadlineMs=50)
    except GranuleError as error:
        seen["late"] = error.code
    seen["exit"] = (await call("containers.stop", {**target, "timeoutSeconds": 10}))["code"]
    logs = await stream((await call("containers.logs", target))["logs"]).read_all()
    seen["logs"] = sorted(line.split(" ", 3)[1:] for line in logs.decode().splitlines())
    usage = await call("usage.query", {"id": made["id"]})
    seen["billed"] = sum(record["seconds"] for record in usage) >= 1
    await call("containers.remove", target)
    try:
        await call("containers.inspect", target)
    except GranuleError as error:
        seen["gone"] = error.code
    seen["events"] = []
    async for event in events:
        seen["events"].append(event["action"])
        if event["action"] == "remove":
            break
    await client.close()
    return seen


print(json.dumps(asyncio.run(life(sys.argv[1]))))
