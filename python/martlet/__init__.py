"""Training sets, online features and events of a Martlet server, as the data frames that you already use.

    from martlet import Martlet

    martlet = Martlet("http://127.0.0.1:6566")
    rows = martlet.training_set(labels, service="fraud_score")
"""

from martlet.client import Apply, Change, Dataset, DatasetColumn, Datasets, Martlet, Plan, Push, Vectors
from martlet.errors import MartletError, Place

__all__ = [
    "Apply", "Change", "Dataset", "DatasetColumn", "Datasets", "Martlet", "MartletError", "Place", "Plan", "Push",
    "Vectors",
]
