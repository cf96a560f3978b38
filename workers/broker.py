"""The broker rings; rows are the record. In this process, or Redis."""

import functools
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

from models.settings import settings
from models.steps import LIGHT, MEDIA
from workers.flow import run_one


@functools.cache
def broker(queue: str) -> dramatiq.Broker:
    """One for each queue, since each queue has worker threads of its own.

    No middleware: tries, time limits and delays are the rows' business.
    """
    made: dramatiq.Broker
    if settings().broker_url:
        made = RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
            url=settings().broker_url,
            middleware=[],
            socket_timeout=None,  # a blocking pop waits longer than redis-py's default allows
            socket_connect_timeout=5,
            socket_keepalive=True,
        )
    else:
        made = StubBroker(middleware=[])

    @dramatiq.actor(actor_name="ring", queue_name=queue, broker=made)
    def hear(job_id: str) -> None:
        """A bell for a due job: the most urgent are claimed while there are any."""
        while run_one(queue):
            pass

    return made


def ring(queue: str, job_id: str) -> None:
    actor: Any = broker(queue).get_actor("ring")
    actor.send(job_id)


def start_workers(threads: int) -> list[dramatiq.Worker]:
    """`threads` media jobs at once, and one thread for light work beside them."""
    workers = []
    for queue, count in ((MEDIA, threads), (LIGHT, 1)):
        worker = dramatiq.Worker(
            broker(queue), queues={queue}, worker_threads=count, worker_timeout=200
        )
        worker.queue_prefetch = count  # none waits in one process while another is idle
        worker.start()
        workers.append(worker)
    return workers
