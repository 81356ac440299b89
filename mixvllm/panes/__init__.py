"""What `mixvllm serve` shows: full-screen panes, plain lines or JSON lines.

A :class:`~mixvllm.panes.sink.Sink` is told every event with the board after it; the
picture itself is a pure function of the board (:mod:`mixvllm.panes.view`). Nothing here
can hold up the supervisor: all writing is done by :class:`mixvllm.panes.screen.Screen`.
"""
