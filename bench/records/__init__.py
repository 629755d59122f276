"""The files of a run: an append-only, crash-safe journal of records, manifests, pictures and features.

A run folder holds

    manifest/<hash>.json                  what was asked for, one file per different run
    journal/<host>-<pid>-<8 hex>.jsonl    one file per writing process, never reopened, never shared
    objects/<2>/<key>.png                 reconstructions
    objects/truth/<2>/<sha256>.png        images, named by the hash of their pixels
    objects/measurement/<2>/<y hash>.png  measurements, each with an .npz of y, masks and kernels
    features/<2>/<key>.npy                Inception features of reconstructions
    features/truth/<2>/<sha256>.npy       Inception features of images
    sets.json                             cache of the metrics of whole sets
    records.parquet                       all records as a table, for fast reading

<2> is the beginning of the file's name; earlier versions made no such sub-folders below truth/, measurement/
and features/. Journals may be compressed (.jsonl.gz) once nothing writes them.

A journal line is ``crc32 in 8 hex digits, space, one JSON object, line feed``, written by a single ``write``
and synced, so a kill or a full disk costs at most the line being written. Nothing is ever rewritten but
sets.json and records.parquet, which can be made again, and names say what a file holds, so folders merge by
copying them together. No torch in here.
"""

from bench.records.journal import read_records
from bench.records.record import Record
from bench.records.table import load

__all__ = ["Record", "load", "read_records"]
