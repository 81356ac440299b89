"""The API server of the fake engine once it is ready: its watchdog, and the ways it ends.

vLLM 0.32.0: a stop tells the engine, with ``--shutdown-timeout`` lets it drain, kills what
is left of it, and then waits without limit for open connections. An engine that dies is
noticed at once by ``/health`` and after up to 5 s by a watchdog, which ends the server
with exit code 0.
"""

import asyncio
import os
import signal
import socket
import ssl
from contextlib import suppress

from mixvllm.testing import fake_script
from mixvllm.testing.fake_client import EngineClient
from mixvllm.testing.fake_http import HttpServer
from mixvllm.testing.fake_metrics import Metrics, cache_config
from mixvllm.testing.fake_output import STDERR, traceback, write
from mixvllm.testing.fake_process import Kin, Process
from mixvllm.testing.fake_routes import Routes
from mixvllm.testing.fake_script import Phase
from mixvllm.testing.fake_wire import Channel

_WATCHDOG = 5.0  # seconds at speed 1
_LAST_SECONDS = 2.5  # from the closed port to the exit, at speed 1
_LAST_WORD = 0.25  # seconds an engine has to answer SIGTERM before SIGKILL
_DEAD = (
    "vllm.v1.engine.exceptions.EngineDeadError: EngineCore encountered an issue. See stack trace "
    "(above) for the root cause."
)
_OUTPUT = ("vllm/v1/engine/async_llm.py", 849, "output_handler", "await get_output_async()")


class Serving:
    """The ready server: from listening to its exit code."""

    def __init__(self, api: Process, channel: Channel, engine: Kin, workers: list[Kin]) -> None:
        self.api = api
        self.settings = settings = api.settings
        self.engine = engine
        self.workers = workers
        self.metrics = Metrics(
            model=settings.served_names[0],
            max_model_len=settings.max_model_len,
            cache=cache_config(
                tokens=settings.kv_tokens,
                size=settings.kv_cache_bytes,
                max_model_len=settings.max_model_len,
            ),
        )
        self.client = EngineClient(channel, self.metrics)
        routes = Routes(api, self.client)
        access_log = "disable_uvicorn_access_log" not in settings.options
        self.http = HttpServer(routes.answer, routes.counted, access_log=access_log)
        self._ending: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def run(self, sock: socket.socket, tls: ssl.SSLContext | None) -> int:
        """Serve until stopped or until the engine has died. Returns the exit code."""
        loop = asyncio.get_running_loop()
        self.api.later = loop.call_later
        loop.add_signal_handler(signal.SIGINT, self._stop)
        if "ignore-term" not in self.api.quirks:
            loop.add_signal_handler(signal.SIGTERM, self._stop)
        loop.add_reader(self.client.channel, self._engine_spoke)
        await self._open(sock, tls)
        background = [asyncio.create_task(self._watch()), asyncio.create_task(self._log_stats())]
        self.client.channel.send({"op": "serving"})
        self.api.meet(Phase.READY)
        why = await self._ending
        if why == "stop":
            await self._stop_engine()
        for task in background:
            task.cancel()
        await self._close(why)
        await asyncio.sleep(float(self.api.quirks.get("slow-exit", 0)))
        planned = self.settings.fault("crash")
        return int(planned.number(0)) if why == "dead" and planned else 0

    async def _open(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        self.api.until(fake_script.AT[Phase.READY])
        *begun, ready = fake_script.LINES[Phase.READY]
        for line in begun:
            self.api.say(line)
        await self.http.listen(sock, tls)
        self.api.say(ready)

    # the engine

    def _engine_spoke(self) -> None:
        client = self.client
        client.receive()
        if client.channel.closed:
            asyncio.get_running_loop().remove_reader(client.channel)
            client.bye.set()
            if not client.dead and not client.draining:
                client.dead = True
                words = "MPClient: engine core exited unexpectedly; starting cleanup"
                self._log("WARNING", "core_client.py:817", words)
                self._log_client_stop("default")
                self._log_client_stopped()
        if client.dead and not client.draining:
            client.draining = True
            self._fail_running()

    def _fail_running(self) -> None:
        """Every open request ends with an error: a stream under HTTP 200, others with 500."""
        error = traceback(_DEAD, _OUTPUT)
        self.api.log("ERROR", "async_llm.py:906", f"AsyncLLM output_handler failed.\n{error}")
        self.client.fail_all()

    async def _watch(self) -> None:
        """The watchdog: looks every 5 s whether the engine has died."""
        while not self._ending.done():
            await asyncio.sleep(_WATCHDOG / self.settings.stop_speed)
            over = self._ending.done() or self.settings.keep_alive_on_death
            if self.client.dead and not over:
                self._ending.set_result("dead")

    # the end

    def _stop(self) -> None:
        """SIGTERM and SIGINT; later ones change nothing."""
        if not self._ending.done():
            self._log("INFO", "launcher.py:254", "API server: shutdown triggered")
            self._ending.set_result("stop")

    async def _stop_engine(self) -> None:
        timeout = self.settings.shutdown_timeout
        mode = "drain" if timeout else "abort"
        words = f"API server: stopping engine client mode={mode} timeout={timeout:.0f}s"
        self._log("INFO", "launcher.py:270", words)
        if not self.client.dead:
            self.client.draining = True
            self._log_client_stop(f"{timeout:.0f}s")
            words = "Process manager: send sigterm to process EngineCore"
            self._log("INFO", "utils.py:628", words)
            self.engine.signal(signal.SIGTERM)
            if timeout:
                await self._ended(self.engine, timeout)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.client.bye.wait(), _LAST_WORD)
            self._kill_the_rest()
            self._log_client_stopped()
            if self.client.running and self.client.stopping_heard:
                self._fail_running()
        self._log("INFO", "launcher.py:279", "API server: engine client stopped")
        self._log("INFO", "launcher.py:282", "API server: signalling HTTP server shutdown")

    async def _ended(self, kin: Kin, seconds: float) -> None:
        """Wait for the end of a process, at most ``seconds``."""
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(kin.pidfd, ended.set)
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), seconds)
        loop.remove_reader(kin.pidfd)

    def _kill_the_rest(self) -> None:
        if not self.engine.ended():
            words = "Process manager: force killing remaining process"
            self._log("WARNING", "utils.py:648", f"{words}es count=1")
            self._log("WARNING", "utils.py:653", f"{words} EngineCore pid {self.engine.pid}")
        self.engine.signal(signal.SIGKILL)
        self.engine.ended(1.0)
        for worker in self.workers:
            if not worker.ended():
                words = f"force killing sub process VLLM::{worker.name} pid {worker.pid}"
                self._log("WARNING", "system_utils.py:225", words)
                worker.signal(signal.SIGKILL)

    async def _close(self, why: str) -> None:
        if why == "stop":
            words = "API server: shutting down FastAPI HTTP server"
            self._log("INFO", "launcher.py:304", words)
        write(STDERR, "INFO:     Shutting down\n")
        self.http.stop_listening()
        await asyncio.sleep(0.1 / self.settings.stop_speed)
        if self.http.busy:
            write(STDERR, "INFO:     Waiting for connections to close. (CTRL+C to force quit)\n")
        await self.http.finished()
        write(STDERR, "INFO:     Waiting for application shutdown.\n")
        write(STDERR, "INFO:     Application shutdown complete.\n")
        if why == "dead":
            write(STDERR, f"INFO:     Finished server process [{os.getpid()}]\n")
            await asyncio.sleep(_LAST_SECONDS / self.settings.stop_speed)
        write(STDERR, "".join(f"{line}\n" for line in fake_script.LAST_WORDS))

    # the log

    def _log(self, level: str, source: str, text: str) -> None:
        self.api.log(level, source, f"[shutdown] {text}")

    def _log_client_stop(self, timeout: str) -> None:
        self._log("INFO", "core_client.py:770", f"MPClient: start timeout={timeout}")
        self._log("INFO", "core_client.py:772", "MPClient: stopping engine manager")

    def _log_client_stopped(self) -> None:
        self._log("INFO", "core_client.py:774", "MPClient: engine manager stopped")
        self._log("INFO", "core_client.py:775", "MPClient: cleaning up background resources")
        self._log("INFO", "core_client.py:777", "MPClient: complete")

    async def _log_stats(self) -> None:
        """The line of every 10 s in which something happened, and of the 10 s after."""
        counters, gauges = self.metrics.counters, self.metrics.gauges
        before, quiet = (0.0, 0.0), True
        every = 10 / self.settings.speed
        while True:
            await asyncio.sleep(every)
            now = (counters["prompt_tokens"], counters["generation_tokens"])
            moved = now != before or gauges["num_requests_running"] > 0
            if moved or not quiet:
                self.api.log(
                    "INFO",
                    "loggers.py:335",
                    f"Engine 000: Avg prompt throughput: {(now[0] - before[0]) / every:.1f} "
                    f"tokens/s, Avg generation throughput: {(now[1] - before[1]) / every:.1f} "
                    f"tokens/s, Running: {gauges['num_requests_running']:.0f} reqs, "
                    f"Waiting: {gauges['num_requests_waiting']:.0f} reqs, "
                    f"CPU KV cache usage: {100 * gauges['kv_cache_usage_perc']:.1f}%, "
                    "Prefix cache hit rate: 0.0%",
                )
            before, quiet = now, not moved
