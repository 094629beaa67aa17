"""Small versions of the soak tests (`make soak`): some kills each."""

import pathlib
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "Soak"))

import capture  # noqa: E402
import kills  # noqa: E402
import poison  # noqa: E402


class SoakTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="martlet-soak-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.seed = time.time_ns() % 1_000_000
        print(f"seed {self.seed}")

    def test_a_killed_server_loses_nothing_and_counts_nothing_twice(self):
        found = kills.run(self.folder, kills=4, rate=10_000, seed=self.seed, samples=2_000)
        self.assertGreater(found["acknowledged"], 10_000)
        self.assertGreater(found["values_compared"], 10_000)

    def test_a_captured_table_is_the_same_after_kills_on_both_sides(self):
        found = capture.run(self.folder, kills=4, rate=100, seed=self.seed, samples=1_000)
        self.assertEqual(found["source"], found["sink"])
        self.assertGreater(found["changes"], 2_000)

    def test_what_does_not_fit_is_kept_and_the_rest_comes_in(self):
        found = poison.run(self.folder, batches=50, rounds=1)
        self.assertEqual(found["poison"], found["dead_letters"])
