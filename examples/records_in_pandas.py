"""Records in pandas: by how much DiffPIR is better than DDRM on the same images, task by task.

    python examples/records_in_pandas.py

The script reads the committed records of suite `linear`. Both methods solved the same y of the same images,
so their scores are compared image by image.
"""

import pandas as pd

from bench.records import load
from bench.stats.intervals import mean_interval

FOLDER = "results/reference/linear"
FIRST, SECOND = "diffpir-100", "ddrm-100"

records = load(FOLDER)
solved = records[records.status == "ok"]
psnr = solved.pivot_table(index=["task", "image"], columns="label", values="psnr")
both = psnr[[FIRST, SECOND]].dropna()

rows = []
for task, images in both.groupby("task"):
    difference = mean_interval(images[FIRST] - images[SECOND])
    wins = (images[FIRST] > images[SECOND]).mean()
    rows.append((task, difference.n, difference.mean, difference.low, difference.high, wins))

columns = ["task", "images", "difference", "low", "high", "wins"]
table = pd.DataFrame(rows, columns=columns).set_index("task")
print(f"PSNR of {FIRST} minus that of {SECOND}, dB, with a 95 % interval, and the share of images won:")
print(table.to_string(float_format="{:z.2f}".format))  # z: no sign where it is rounded to zero
