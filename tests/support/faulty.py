"""Plugins that misbehave, each in its way; a throwaway distribution `faulty` 2.1 has them."""

FAULTY = '''
    import socket
    import sys
    import threading
    import time

    import trio

    from monolith_core import Record, Source, SourceOptions, Target, Transform, Written, hookimpl


    class Fine(Source):
        def extract(self, window):
            for day in window.days():
                yield Record(day, "fact", {"day": day})


    class Construction(Fine):
        def __init__(self, options, context):
            raise OSError("no such device")


    class Setup(Fine):
        def setup(self):
            raise OSError("no such device")


    class Extract(Fine):
        def extract(self, window):
            yield from super().extract(window)
            raise LookupError("no such column")


    class Returns(Fine):
        def extract(self, window):
            return 5


    class Close(Fine):
        def close(self):
            raise OSError("no such device")


    class NoRecord(Fine):
        def extract(self, window):
            yield {"day": window.start}


    class WrongDate(Fine):
        def extract(self, window):
            yield Record(str(window.start), "fact", {})


    class WrongData(Fine):
        def extract(self, window):
            yield Record(window.start, "fact", {"now": object()})


    class Outside(Fine):
        def extract(self, window):
            yield Record(window.next_date, "fact", {})


    class Blocks(Fine):
        """Until somebody has said so."""

        told = threading.Event()

        async def extract(self, window):
            yield Record(window.start, "fact", {})
            self.told.wait(60)


    class IgnoresCancellation(Fine):
        """Until somebody has said so."""

        told = threading.Event()

        async def extract(self, window):
            yield Record(window.start, "fact", {})
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self.told.wait, 60)


    class Hangs(Fine):
        over = threading.Event()

        def extract(self, window):
            self.over.wait(60)
            yield Record(window.start, "fact", {})


    class LeaksThread(Fine):
        over = threading.Event()

        def setup(self):
            threading.Thread(target=self.over.wait, args=(60,), name="poller", daemon=True).start()


    class LeaksSocket(Fine):
        address = None
        kept = []

        def extract(self, window):
            self.kept.append(socket.create_connection(self.address))
            with socket.create_connection(self.address):
                yield from super().extract(window)


    class Prints(Fine):
        def extract(self, window):
            print("password is xyzzy")
            print("and more")
            yield from super().extract(window)


    class AsyncPrints(Fine):
        async def extract(self, window):
            print("hello")
            for record in super().extract(window):
                yield record


    class OtherContract(Fine):
        contract = 7


    class BadTarget(Target):
        def replace(self, partition, staged):
            raise LookupError("no such shelf")


    class WrongWritten(Target):
        def replace(self, partition, staged):
            return None


    class BadTransform(Transform):
        def record(self, record):
            raise LookupError("no such field")


    class BadHooks:
        @hookimpl
        def partition_finished(self, event):
            raise LookupError("no such channel")

        @hookimpl
        def run_started(self, run):
            print("hooks are here")


    class BlockingHooks:
        told = threading.Event()

        @hookimpl
        def phase_started(self, phase):
            self.told.wait(60)


    class StrayHooks:
        @hookimpl
        def phase_started(self, phase, colour):
            ...
'''

IMPORT = 'raise ImportError("libfoo.so is missing")\n'
