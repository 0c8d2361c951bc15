"""The Celery application. A message is only a hint; the work itself is a row in the database."""

import os
import signal
import threading

from celery import Celery, bootsteps
from celery.beat import Service
from click import Option

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

app = Celery("regulars")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


class BeatInside(bootsteps.StartStopStep):
    """The beat as a thread of the worker (`--beat-inside`).

    Celery's own `--beat` forks a process: 35 MB more, and nobody notices when it dies. A thread shares the
    worker's fate, and when it ends by an error it takes the worker along, which the parent starts again.
    """

    def __init__(self, worker, beat_inside=False, **options):
        super().__init__(worker, **options)
        self.enabled = beat_inside
        self.is_stopping = False

    def start(self, worker):
        self.service = Service(worker.app, scheduler_cls=worker.app.conf.beat_scheduler)
        threading.Thread(target=self._run, name="beat", daemon=True).start()

    def _run(self):
        try:
            self.service.start()
        finally:
            if not self.is_stopping:
                os.kill(os.getpid(), signal.SIGTERM)

    def stop(self, worker):
        self.is_stopping = True
        self.service.stop()


app.steps["worker"].add(BeatInside)
app.user_options["worker"].add(Option(["--beat-inside"], is_flag=True, help="Run the beat as a thread of this worker."))
