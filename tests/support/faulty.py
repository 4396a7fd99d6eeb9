"""Plugins that misbehave, each in its way; a throwaway distribution `faulty` 2.1 has them."""

FAULTY = '''
    import os
    import signal
    import socket
    import sys
    import threading
    import time

    import trio

    from monolith_core import (
        Executor, Partition, Record, Source, SourceOptions, Target, TargetOptions, Transform, Written, hookimpl,
    )


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


    class OffersList(Fine):
        def partitions(self, window):
            return [Partition("x", window.start)] if window else [1]


    class OffersCounts(Fine):
        def partitions(self, window):
            return {Partition("it", window.start): 5}


    class TellsNothing(Fine):
        def versions(self, window):
            return None


    class CannotPurge(Fine):
        @property
        def purges(self):
            raise OSError("no such device")

        def purge(self, window):
            ...


    class PurgesBadly(Fine):
        purges = True

        def purge(self, window):
            raise OSError("no such device")


    class AsyncFine(Fine):
        async def extract(self, window):
            for record in super().extract(window):
                yield record


    class Stops(Fine):
        """Ends the run while everything is set up."""

        ready, over, closed = threading.Event(), threading.Event(), []

        def setup(self):
            if self.context.id == "fine":
                self.ready.set()
            else:
                self.ready.wait(60)
                os.kill(os.getpid(), signal.SIGTERM)
                self.over.wait(60)

        def close(self):
            self.closed.append(self.context.id)


    class OtherContract(Fine):
        contract = 7


    class BadTarget(Target):
        def replace(self, partition, staged):
            raise LookupError("no such shelf")


    class WrongWritten(Target):
        def replace(self, partition, staged):
            return None


    class Construction2(Target):
        def __init__(self, options, context):
            raise OSError("no such device")

        def replace(self, partition, staged):
            raise NotImplementedError


    class Setup2(Target):
        def setup(self):
            raise OSError("no such device")

        def replace(self, partition, staged):
            raise NotImplementedError


    class Close2(Target):
        def close(self):
            raise OSError("no such device")

        def replace(self, partition, staged):
            return Written(staged.digest.count, 0, 0)


    class NoneAtOnce(Close2):
        at_once = 0


    class LostAtOnce(Close2):
        @property
        def at_once(self):
            raise OSError("no such device")


    class TellsCounts(Close2):
        def digests(self, window):
            return [(Partition("fine", window.start), 5)]


    class Nowhere(Close2):
        class Options(TargetOptions):
            def location(self):
                raise OSError("no such device")


    class Setup3(Executor):
        def setup(self):
            raise OSError("no such device")

        def extract(self, task):
            return task.ask()


    class LostExecutor(Executor):
        def extract(self, task):
            raise OSError("no such device")


    class Construction4(Transform):
        def __init__(self, options, context):
            raise OSError("no such device")

        def record(self, record):
            return record


    class GivesNone(Transform):
        def partition(self, partition, records):
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


    class ExitingHooks:
        @hookimpl
        def phase_started(self, phase):
            sys.exit("enough")


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
