// Local updates of many peers in one call: plain SGD on dense models (softmax regression; perceptrons with ReLU), the formulas of
// src/train/batched-dense.ts and src/train/peer-steps.ts. One peer after another, so that its params, transposed once, stay in the nearest
// caches over all its steps; nothing is stacked, uploaded or downloaded. Own code and not a library because TensorFlow's operations alone
// take 5.7 µs of a softmax 64-10 step and 151 µs of an MLP 784-64-10 step (batch 32, one thread; npm run bench:train), where a whole step
// here takes 2 to 4 and 100 to 140.
//
// train(widths, features, labels, vectors, rows, counts, rates, settings, results, plain) for P peers, S steps, K rows of a mini-batch:
//   widths    Int32Array    [features, hidden …, classes]
//   features  Float32Array  [pool, features], each row filled up with zeros to a multiple of 8
//   labels    Int32Array    [pool]
//   vectors   P Float32Arrays [Σ (in + 1) · out], changed in place; by layer [in + 1, out], the bias last
//   rows      Int32Array    [P, S, K], rows of the pool
//   counts    Int32Array    [P, S], how many of the K are there, at least one
//   rates     Float64Array  [P, S], learning rates
//   settings  Float64Array  [P, 3], weight decay, largest norm (Infinity for no clipping), factor on the gradient
//   results   Float64Array  [P, 2], filled with Σ over steps of the mean loss and of the gradient's squared norm before clipping
//   plain     boolean       without the processor's own instructions, for tests
// All is checked before anything is computed; what does not fit throws a RangeError and changes nothing.
// instructions() says which are used: results differ between them in the last bits.

#include <node_api.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

namespace {

constexpr int LANES = 8;
constexpr size_t DEPTH_MAX = 128;
constexpr size_t NORM_RUN = 1024;
constexpr size_t NUMBERS_MAX = size_t{1} << 31;

typedef float Lanes __attribute__((vector_size(32)));
typedef int32_t Words __attribute__((vector_size(32)));

#if defined(__clang__) || __GNUC__ >= 12
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Words{__VA_ARGS__})
#endif

size_t padded(size_t length) { return (length + LANES - 1) / LANES * LANES; }

/// W [out][stride], then the bias [out] filled up, at paramsAt; activations [out][samples] at outputsAt.
struct Layer {
  size_t in, out, stride, paramsAt, outputsAt;
};

struct Net {
  std::vector<Layer> layers;
  /// Params of a peer, and of its padded copy; activations; longest side.
  size_t size = 0, paddedSize = 0, outputsSize = 0, widest = 0;
};

struct Pool {
  const float* features;
  size_t stride;
  const int32_t* labels;
  size_t rows;
};

struct Peer {
  float* params;
  const int32_t* rows;
  const int32_t* counts;
  const double* rates;
  double weightDecay, clipNorm, gradientScale;
};

struct Tally {
  double loss, squaredNorm;
};

/// L of a product: values[i · perRow + k · perTerm].
struct Left {
  const float* values;
  size_t perRow, perTerm;
};

struct Work {
  std::vector<float> params, gradient, outputs, across, upstream, zeros;
  std::vector<const float*> inputs;
  std::vector<int32_t> labels;

  Work(const Net& net, size_t capacity)
      : params(net.paddedSize),
        gradient(net.paddedSize),
        outputs(net.outputsSize),
        across(net.widest * padded(capacity)),
        upstream(net.widest * padded(capacity)),
        zeros(net.widest),
        inputs(padded(capacity)),
        labels(padded(capacity)) {}
};

}  // namespace

#define NAME plain
#define TARGET
#include "dense-steps.h"
#undef NAME
#undef TARGET

#if defined(__x86_64__)
#define NAME avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "dense-steps.h"
#undef NAME
#undef TARGET
#endif

namespace {

bool hasAvx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

Tally trainPeer(bool isPlain, const Net& net, const Pool& pool, const Peer& peer, size_t steps, size_t capacity, Work& work) {
#if defined(__x86_64__)
  if (!isPlain && hasAvx2()) return avx2::train(net, pool, peer, steps, capacity, work);
#endif
  (void)isPlain;
  return plain::train(net, pool, peer, steps, capacity, work);
}

struct Refusal {
  std::string message;
};

[[noreturn]] void refuse(const std::string& message) { throw Refusal{"dense-steps: " + message}; }

void require(bool condition, const char* message) {
  if (!condition) refuse(message);
}

void requireLength(const char* what, size_t got, size_t wanted) {
  if (got != wanted) refuse(std::string(what) + " has " + std::to_string(got) + " numbers, wanted " + std::to_string(wanted));
}

template <class Number>
struct Array {
  Number* values;
  size_t length;
};

template <class Number>
Array<Number> arrayOf(napi_env env, napi_value value, napi_typedarray_type wanted, const char* what) {
  bool isTyped = false;
  napi_is_typedarray(env, value, &isTyped);
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  if (isTyped) napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (!isTyped || type != wanted) refuse(std::string(what) + " is an array of another kind");
  return {static_cast<Number*>(data), data == nullptr ? 0 : length};
}

Net netOf(Array<int32_t> widths, size_t capacity) {
  require(widths.length >= 2, "widths has fewer than 2 numbers");
  Net net;
  for (size_t l = 0; l < widths.length; l++) require(widths.values[l] >= 1 && widths.values[l] <= 1 << 24, "a width is not 1 to 2^24");
  for (size_t l = 0; l + 1 < widths.length; l++) {
    const size_t in = widths.values[l], out = widths.values[l + 1];
    net.layers.push_back({in, out, padded(in), net.paddedSize, net.outputsSize});
    net.size += (in + 1) * out;
    net.paddedSize += out * padded(in) + padded(out);
    net.outputsSize += out * padded(capacity);
    net.widest = std::max({net.widest, padded(in), padded(out)});
    require(net.paddedSize < NUMBERS_MAX && net.outputsSize < NUMBERS_MAX, "the model is too large");
  }
  require(net.widest * padded(capacity) < NUMBERS_MAX, "the mini-batches are too large");
  return net;
}

/// The arguments, all of them read before the first address is asked for: reading an element may run code of the caller.
constexpr size_t ARGUMENTS = 10;

void trainAll(napi_env env, napi_callback_info info) {
  size_t count = ARGUMENTS;
  napi_value given[ARGUMENTS];
  napi_get_cb_info(env, info, &count, given, nullptr, nullptr);
  require(count >= ARGUMENTS, "10 arguments are wanted");
  bool isArray = false, isPlain = false;
  napi_is_array(env, given[3], &isArray);
  require(isArray, "vectors is no array");
  require(napi_get_value_bool(env, given[9], &isPlain) == napi_ok, "plain is no boolean");
  uint32_t peers = 0;
  napi_get_array_length(env, given[3], &peers);
  std::vector<napi_value> vectors(peers);
  for (uint32_t p = 0; p < peers; p++) require(napi_get_element(env, given[3], p, &vectors[p]) == napi_ok, "vectors cannot be read");

  const auto widths = arrayOf<int32_t>(env, given[0], napi_int32_array, "widths");
  const auto features = arrayOf<float>(env, given[1], napi_float32_array, "features");
  const auto labels = arrayOf<int32_t>(env, given[2], napi_int32_array, "labels");
  const auto rows = arrayOf<int32_t>(env, given[4], napi_int32_array, "rows");
  const auto counts = arrayOf<int32_t>(env, given[5], napi_int32_array, "counts");
  const auto rates = arrayOf<double>(env, given[6], napi_float64_array, "rates");
  const auto settings = arrayOf<double>(env, given[7], napi_float64_array, "settings");
  const auto results = arrayOf<double>(env, given[8], napi_float64_array, "results");
  requireLength("settings", settings.length, size_t{3} * peers);
  requireLength("results", results.length, size_t{2} * peers);
  if (peers == 0) return;
  const size_t steps = rates.length / peers;
  requireLength("rates", rates.length, steps * peers);
  requireLength("counts", counts.length, steps * peers);
  const size_t capacity = counts.length == 0 ? 0 : rows.length / counts.length;
  requireLength("rows", rows.length, counts.length * capacity);
  require(capacity < NUMBERS_MAX >> 8, "the mini-batches are too large");

  const Net net = netOf(widths, capacity);
  const Pool pool = {features.values, net.layers[0].stride, labels.values, labels.length};
  requireLength("features", features.length, pool.rows * pool.stride);
  const size_t classes = net.layers.back().out;
  for (size_t at = 0; at < counts.length; at++) {
    const int32_t present = counts.values[at];
    require(present >= 1 && static_cast<size_t>(present) <= capacity, "a count is not 1 to the rows of a mini-batch");
    for (int32_t s = 0; s < present; s++) {
      const int32_t row = rows.values[at * capacity + s];
      require(row >= 0 && static_cast<size_t>(row) < pool.rows, "a row is not in the pool");
      require(labels.values[row] >= 0 && static_cast<size_t>(labels.values[row]) < classes, "a label is not a class");
    }
  }
  std::vector<Peer> calls;
  for (uint32_t p = 0; p < peers; p++) {
    const auto vector = arrayOf<float>(env, vectors[p], napi_float32_array, "a vector");
    requireLength("a vector", vector.length, net.size);
    const double* own = settings.values + size_t{3} * p;
    calls.push_back({vector.values, rows.values + p * steps * capacity, counts.values + p * steps, rates.values + p * steps, own[0], own[1], own[2]});
  }
  Work work(net, capacity);
  for (uint32_t p = 0; p < peers; p++) {
    const Tally tally = trainPeer(isPlain, net, pool, calls[p], steps, capacity, work);
    results.values[2 * p] = tally.loss;
    results.values[2 * p + 1] = tally.squaredNorm;
  }
}

napi_value train(napi_env env, napi_callback_info info) {
  // No exception of C++ may pass through Node.
  try {
    trainAll(env, info);
  } catch (const Refusal& refusal) {
    napi_throw_range_error(env, "dense-steps-refused", refusal.message.c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, "dense-steps-failed", error.what());
  }
  return nullptr;
}

napi_value instructions(napi_env env, napi_callback_info) {
  napi_value name = nullptr;
  napi_create_string_utf8(env, hasAvx2() ? "avx2" : "plain", NAPI_AUTO_LENGTH, &name);
  return name;
}

napi_value open(napi_env env, napi_value exports) {
  const napi_property_descriptor functions[] = {
      {"train", nullptr, train, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"instructions", nullptr, instructions, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, 2, functions);
  return exports;
}

}  // namespace

NAPI_MODULE(dense_steps, open)
