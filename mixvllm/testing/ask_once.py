"""Serves a profile, asks it one question, prints the answer, stops.

``python -m mixvllm.testing.ask_once PROFILE QUESTION``. What ``mixvllm serve`` shows stays visible:
it has this terminal while it runs, and the answer comes below it when it has ended.
"""

import argparse
import http.client
import json
import signal
import subprocess  # noqa: TID251 - drives `mixvllm serve` from outside, as an operator does
import sys
import time
from dataclasses import dataclass
from pathlib import Path

_MIXVLLM = (sys.executable, "-m", "mixvllm")


class NoAnswer(Exception):
    """The question was not answered; the message says how far it came."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the API will answer."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"http://{self.host}:{self.port}"

    def request(self, method: str, path: str, *, body: object = None, limit: float) -> bytes:
        """The body of a 200. Raises OSError or HTTPException without one; limit in seconds."""
        # http.client and not urllib: a proxy of the environment must not come between.
        connection = http.client.HTTPConnection(self.host, self.port, timeout=limit)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status != 200:
            words = content.decode(errors="replace").strip()[:300]
            raise http.client.HTTPException(f"{path} answered {response.status}: {words}")
        return content


def address_of(profile: Path) -> Address:
    """Host and port as `mixvllm render-cmd` gives them to vLLM, whose default port is 8000.

    Raises:
        NoAnswer: the profile cannot be rendered; `render-cmd` has said why on stderr.
    """
    run = subprocess.run(
        [*_MIXVLLM, "render-cmd", str(profile), "--format", "json"],
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    if run.returncode != 0:
        raise NoAnswer(f"`mixvllm render-cmd {profile}` ended with code {run.returncode}")
    options = _options(json.loads(run.stdout)["argv"])
    host = options.get("--host", "127.0.0.1")
    # An address to listen on everywhere is none to call.
    return Address(
        {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(options.get("--port", "8000"))
    )


def _options(argv: list[str]) -> dict[str, str]:
    """``--port 8000`` and ``--port=8000`` alike; the last one counts, as for argparse."""
    found: dict[str, str] = {}
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            found[name] = value if equals else following
    return found


def wait_until_ready(serve: "subprocess.Popen[bytes]", address: Address, *, limit: float) -> str:
    """The name of the served model, once the API and then its health answer.

    Raises:
        NoAnswer: serve ended before, or ``limit`` seconds have passed.
    """
    deadline = time.monotonic() + limit
    last = "nothing has answered yet"
    while time.monotonic() < deadline:
        try:
            models = json.loads(address.request("GET", "/v1/models", limit=5))
            address.request("GET", "/health", limit=5)
        except (OSError, http.client.HTTPException) as error:
            last = str(error)
        else:
            return str(models["data"][0]["id"])
        try:
            code = serve.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            continue
        raise NoAnswer(f"`mixvllm serve` ended with code {code} before {address} answered")
    raise NoAnswer(f"{address} was not ready after {limit:.0f} s: {last}")


def ask(address: Address, model: str, question: str, *, limit: float) -> str:
    """The answer to one question, as plain text.

    Raises:
        NoAnswer: the request failed, or took longer than ``limit`` seconds.
    """
    body = {
        "model": model,
        "messages": [{"role": "user", "content": question}],
        "temperature": 0,
        "max_tokens": 64,
    }
    try:
        reply = address.request("POST", "/v1/chat/completions", body=body, limit=limit)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"{address} was ready, but did not answer: {error}") from error
    return str(json.loads(reply)["choices"][0]["message"]["content"]).strip()


def stop(serve: "subprocess.Popen[bytes]", *, limit: float) -> int:
    """Ask serve to stop, wait ``limit`` seconds, then kill it. Returns its exit code."""
    if serve.poll() is None:
        serve.send_signal(signal.SIGTERM)
    try:
        return serve.wait(timeout=limit)
    except subprocess.TimeoutExpired:
        print(f"`mixvllm serve` did not stop within {limit:.0f} s: killing it", file=sys.stderr)
        serve.kill()
        return serve.wait()


def main() -> int:
    """Exit 0: answered and stopped cleanly; 1: no answer, or not the expected one.

    Where serve ended with a code of its own, that code is returned.
    """
    parser = argparse.ArgumentParser(prog="python -m mixvllm.testing.ask_once")
    parser.add_argument("profile", type=Path)
    parser.add_argument("question")
    parser.add_argument("--expect", default="", help="a word that the answer must contain")
    parser.add_argument("--start-limit", type=float, default=600, help="seconds until it is ready")
    parser.add_argument("--stop-limit", type=float, default=120, help="seconds until it has ended")
    options = parser.parse_args()

    try:
        address = address_of(options.profile)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 1
    serve = subprocess.Popen([*_MIXVLLM, "serve", str(options.profile)])
    answer, fault = "", ""
    try:
        model = wait_until_ready(serve, address, limit=options.start_limit)
        answer = ask(address, model, options.question, limit=120)
    except NoAnswer as error:
        fault = str(error)
    except KeyboardInterrupt:
        fault = "interrupted"
    finally:
        code = stop(serve, limit=options.stop_limit)
    if answer:
        print(f"\nquestion  {options.question}\nanswer    {answer}", flush=True)
        if options.expect not in answer:
            fault = f"the answer does not name {options.expect}"
    if fault:
        print(fault, file=sys.stderr)
    elif code:
        print(f"answered, but `mixvllm serve` ended with code {code}", file=sys.stderr)
    return code or bool(fault)


if __name__ == "__main__":
    sys.exit(main())
