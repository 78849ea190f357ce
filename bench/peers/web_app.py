"""The web as a competent engineer writes it with FastAPI, PyJWT and confluent-kafka: 202 when Kafka has confirmed.

Environment: BOOTSTRAP, TOPIC, ISSUER, AUDIENCE, KEY (the issuer's public key, PEM).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import jwt
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

TOPIC, ISSUER, AUDIENCE = (os.environ[name] for name in ("TOPIC", "ISSUER", "AUDIENCE"))
KEY: Any = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).prepare_key(os.environ["KEY"])
REQUIRED: Any = {"require": ["exp", "iat", "sub", "email", "nonce"]}


class Credential(BaseModel):
    credential: str
    select_by: str | None = None


class Delivery:
    """A producer whose reports end futures of the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(
            {
                "bootstrap.servers": os.environ["BOOTSTRAP"],
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,
            }
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._producer.poll(0.1)

    async def send(self, key: bytes, value: bytes) -> tuple[int, int]:
        future: asyncio.Future[tuple[int, int]] = self._loop.create_future()

        def report(error: KafkaError | None, message: Message) -> None:
            self._loop.call_soon_threadsafe(self._settle, future, error, (message.partition(), message.offset()))

        self._producer.produce(TOPIC, value, key, on_delivery=report)
        return await asyncio.wait_for(future, 5)

    @staticmethod
    def _settle(future: asyncio.Future[Any], error: KafkaError | None, place: Any) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(KafkaException(error))
        else:
            future.set_result(place)

    def close(self) -> None:
        self._producer.flush(10)
        self._stop.set()
        self._thread.join()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.delivery = Delivery()
    yield
    app.state.delivery.close()


app = FastAPI(lifespan=lifespan)


@app.post("/api/signin", status_code=202)
async def signin(body: Credential, request: Request) -> dict[str, Any]:
    try:
        claims = jwt.decode(
            body.credential, KEY, algorithms=["RS256"], audience=AUDIENCE, issuer=ISSUER, leeway=10, options=REQUIRED
        )
    except jwt.InvalidTokenError as error:
        raise HTTPException(401, "invalid token") from error
    event = {
        "specversion": "1.0",
        "type": "loginlake.signin.v1",
        "datacontenttype": "application/json",
        "id": hashlib.sha256(body.credential.encode()).hexdigest()[:32],
        "source": "http://localhost:8000",
        "subject": f"google|{claims['sub']}",
        "time": datetime.fromtimestamp(claims["iat"], UTC).isoformat(),
        "received": datetime.now(UTC).isoformat(),
        "data": {
            "provider": "google",
            "user_id": claims["sub"],
            "username": claims.get("name"),
            "email": claims["email"],
            "email_verified": claims.get("email_verified"),
            "picture": claims.get("picture"),
            "method": body.select_by,
            "user_agent": request.headers.get("user-agent"),
        },
    }
    try:
        partition, offset = await request.app.state.delivery.send(
            str(event["subject"]).encode(), json.dumps(event, ensure_ascii=False).encode()
        )
    except (KafkaException, BufferError, TimeoutError) as error:
        raise HTTPException(503, "try again") from error
    return {"id": event["id"], "partition": partition, "offset": offset}
