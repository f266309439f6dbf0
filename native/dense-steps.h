// The arithmetic of dense-steps.cc, compiled once for each set of instructions: included with NAME and TARGET defined.
//
// Everything is kept transposed, so that vectors run over samples or over a layer's inputs and never over its (often few) outputs:
//   forward   Z = W A + b         [out][samples] from W [out][in], A [in][samples]
//   backward  D' = (Wᵀ D) ∘ [H>0] [in][samples]
//   gradient  G = D X             [out][in] from D [out][samples], X [samples][in]
// All three are one product C[i][j] += Σₖ L[i, k] R[k][j], in tiles of up to 6 × 16 that stay in registers. Lengths that vectors run over
// are padded to LANES. Sums are in f32 in one order, which depends on nothing but the shapes; losses and norms are summed in f64.

namespace NAME {

#define INLINE TARGET static inline __attribute__((always_inline))

INLINE Lanes load(const float* from) {
  Lanes value;
  memcpy(&value, from, sizeof value);
  return value;
}

INLINE void store(float* to, Lanes value) { memcpy(to, &value, sizeof value); }

INLINE Lanes spread(float x) { return Lanes{x, x, x, x, x, x, x, x}; }

INLINE Words asWords(Lanes value) {
  Words words;
  memcpy(&words, &value, sizeof words);
  return words;
}

INLINE Lanes asLanes(Words words) {
  Lanes value;
  memcpy(&value, &words, sizeof value);
  return value;
}

/// Lane by lane `yes` where the mask is set, else `no`.
INLINE Lanes choose(Words mask, Lanes yes, Lanes no) { return asLanes((asWords(yes) & mask) | (asWords(no) & ~mask)); }

/// eˣ for x ≤ 0, relative error below 3e-7 (polynomial of Cephes' expf); 0 below −87.3; NaN stays NaN.
INLINE Lanes exponential(Lanes x) {
  const Lanes least = spread(-87.33f);
  const Words tiny = x < least;
  x = choose(tiny, least, x);
  const Lanes shift = spread(12582912.0f);  // 1.5 · 2²³: adding it rounds to an integer, which is then in the low bits.
  const Lanes shifted = x * spread(1.44269504f) + shift;
  const Lanes whole = shifted - shift;
  x -= whole * spread(0.693359375f);
  x -= whole * spread(-2.12194440e-4f);
  Lanes series = spread(1.9875691500e-4f) * x + spread(1.3981999507e-3f);
  series = series * x + spread(8.3334519073e-3f);
  series = series * x + spread(4.1665795894e-2f);
  series = series * x + spread(1.6666665459e-1f);
  series = series * x + spread(5.0000001201e-1f);
  series = series * x * x + x + spread(1.0f);
  const Words power = (asWords(shifted) << 23) + asWords(spread(1.0f));
  return choose(tiny, Lanes{}, series * asLanes(power));
}

/// 8 × 8, rows to columns.
INLINE void transposeBlock(const float* const* rows, size_t column, float* to, size_t stride) {
  Lanes a[8], b[8];
  for (int i = 0; i < 8; i++) a[i] = load(rows[i] + column);
  for (int i = 0; i < 8; i += 2) {
    b[i] = SHUFFLE(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = SHUFFLE(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; j++) {
      a[i + 2 * j] = SHUFFLE(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + 2 * j + 1] = SHUFFLE(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int j = 0; j < 4; j++) {
    store(to + j * stride, SHUFFLE(a[j], a[j + 4], 0, 1, 2, 3, 8, 9, 10, 11));
    store(to + (j + 4) * stride, SHUFFLE(a[j], a[j + 4], 4, 5, 6, 7, 12, 13, 14, 15));
  }
}

/// to[c][r] = rowAt(r)[c] for r < rows, c < columns; nothing else is read or written.
template <class RowAt>
TARGET static void transpose(const RowAt& rowAt, size_t rows, size_t columns, float* to, size_t stride) {
  size_t row = 0;
  for (; row + LANES <= rows; row += LANES) {
    const float* block[LANES];
    for (size_t i = 0; i < LANES; i++) block[i] = rowAt(row + i);
    size_t column = 0;
    for (; column + LANES <= columns; column += LANES) transposeBlock(block, column, to + column * stride + row, stride);
    for (; column < columns; column++)
      for (size_t i = 0; i < LANES; i++) to[column * stride + row + i] = block[i][column];
  }
  for (; row < rows; row++) {
    const float* from = rowAt(row);
    for (size_t column = 0; column < columns; column++) to[column * stride + row] = from[column];
  }
}

template <int I, int J, class RowAt>
TARGET static void tile(Left left, const RowAt& rowAt, size_t first, size_t end, float* to, size_t stride, bool isAdded) {
  Lanes sums[I][J];
  for (int i = 0; i < I; i++)
    for (int j = 0; j < J; j++) sums[i][j] = isAdded ? load(to + i * stride + j * LANES) : Lanes{};
  for (size_t k = first; k < end; k++) {
    const float* row = rowAt(k);
    const float* factors = left.values + k * left.perTerm;
    Lanes terms[J];
    for (int j = 0; j < J; j++) terms[j] = load(row + j * LANES);
    for (int i = 0; i < I; i++) {
      const Lanes factor = spread(factors[i * left.perRow]);
      for (int j = 0; j < J; j++) sums[i][j] += factor * terms[j];
    }
  }
  for (int i = 0; i < I; i++)
    for (int j = 0; j < J; j++) store(to + i * stride + j * LANES, sums[i][j]);
}

template <int J, class RowAt>
TARGET static void tileOf(size_t height, Left left, const RowAt& rowAt, size_t first, size_t end, float* to, size_t stride, bool isAdded) {
  switch (height) {
    case 1: return tile<1, J>(left, rowAt, first, end, to, stride, isAdded);
    case 2: return tile<2, J>(left, rowAt, first, end, to, stride, isAdded);
    case 3: return tile<3, J>(left, rowAt, first, end, to, stride, isAdded);
    case 4: return tile<4, J>(left, rowAt, first, end, to, stride, isAdded);
    case 5: return tile<5, J>(left, rowAt, first, end, to, stride, isAdded);
    default: return tile<6, J>(left, rowAt, first, end, to, stride, isAdded);
  }
}

/// to[i][j] (+)= Σₖ L[i, k] rowAt(k)[j] for i < height, j < width (a multiple of LANES), k < depth.
template <class RowAt>
TARGET static void product(Left left, const RowAt& rowAt, size_t height, size_t width, size_t depth, float* to, size_t stride, bool isAdded) {
  const size_t blocks = (height + 5) / 6;
  for (size_t first = 0; first < depth; first += DEPTH_MAX) {
    const size_t end = first + DEPTH_MAX < depth ? first + DEPTH_MAX : depth;
    for (size_t j = 0; j < width; j += 2 * LANES) {
      const auto shifted = [&](size_t k) { return rowAt(k) + j; };
      for (size_t block = 0; block < blocks; block++) {
        // Heights that differ by one at most: a tile of one row would wait for its own sums.
        const size_t i = height * block / blocks;
        const size_t rows = height * (block + 1) / blocks - i;
        const Left part = {left.values + i * left.perRow, left.perRow, left.perTerm};
        if (j + LANES < width) tileOf<2>(rows, part, shifted, first, end, to + i * stride + j, stride, isAdded || first > 0);
        else tileOf<1>(rows, part, shifted, first, end, to + i * stride + j, stride, isAdded || first > 0);
      }
    }
  }
}

/// In place from logits Z to (softmax Z − Y) / n, 0 beyond n. Labels beyond n are −1. Returns the mean cross-entropy. // [classes][width]
TARGET static double toErrors(float* logits, size_t classes, size_t width, const int32_t* labels, size_t count) {
  const Lanes share = spread(1.0f / static_cast<float>(count));
  double loss = 0, product = 1;  // Σ log Σₖ is one logarithm of a product.
  for (size_t first = 0; first < count; first += LANES) {
    float* z = logits + first;
    Words label;
    memcpy(&label, labels + first, sizeof label);
    Lanes most = load(z);
    for (size_t c = 1; c < classes; c++) {
      const Lanes value = load(z + c * width);
      most = choose(value > most, value, most);
    }
    Lanes sum = {}, own = {};
    for (size_t c = 0; c < classes; c++) {
      const Lanes below = load(z + c * width) - most;
      own = choose(label == static_cast<int32_t>(c), below, own);
      const Lanes power = exponential(below);
      store(z + c * width, power);
      sum += power;
    }
    const Words isThere = label >= 0;
    const Lanes scale = choose(isThere, share / sum, Lanes{});
    for (size_t c = 0; c < classes; c++) {
      const Lanes target = choose(label == static_cast<int32_t>(c), share, Lanes{});
      store(z + c * width, load(z + c * width) * scale - target);
    }
    sum = choose(isThere, sum, spread(1));
    double ofLanes = 1;  // at most (2^24)^8
    for (int lane = 0; lane < LANES; lane++) {
      loss -= own[lane];
      ofLanes *= sum[lane];
    }
    product *= ofLanes;
    if (product > 1e200) {
      loss += log(product);
      product = 1;
    }
  }
  return (loss + log(product)) / static_cast<double>(count);
}

/// The gradient of one mini-batch at work.params, to work.gradient. Returns the mean cross-entropy.
TARGET static double gradientOf(const Net& net, const Pool& pool, const int32_t* rows, size_t count, Work& work) {
  const size_t width = padded(count);
  const size_t last = net.layers.size() - 1;
  for (size_t s = 0; s < width; s++) {
    work.inputs[s] = s < count ? pool.features + static_cast<size_t>(rows[s]) * pool.stride : work.zeros.data();
    work.labels[s] = s < count ? pool.labels[rows[s]] : -1;
  }
  const auto inputAt = [&](size_t s) { return work.inputs[s]; };
  transpose(inputAt, width, pool.stride, work.across.data(), width);
  for (size_t l = 0; l <= last; l++) {
    const Layer& layer = net.layers[l];
    float* out = work.outputs.data() + layer.outputsAt;
    const float* params = work.params.data() + layer.paramsAt;
    const float* bias = params + layer.out * layer.stride;
    for (size_t o = 0; o < layer.out; o++)
      for (size_t s = 0; s < width; s += LANES) store(out + o * width + s, spread(bias[o]));
    const float* in = l == 0 ? work.across.data() : work.outputs.data() + net.layers[l - 1].outputsAt;
    product({params, layer.stride, 1}, [&](size_t k) { return in + k * width; }, layer.out, width, layer.in, out, width, true);
    if (l == last) break;
    for (size_t at = 0; at < layer.out * width; at += LANES) {
      const Lanes z = load(out + at);
      store(out + at, choose(z < Lanes{}, Lanes{}, z));  // NaN stays NaN.
    }
  }
  float* errors = work.outputs.data() + net.layers[last].outputsAt;
  const double loss = toErrors(errors, net.layers[last].out, width, work.labels.data(), count);
  for (size_t l = last + 1; l-- > 0;) {
    const Layer& layer = net.layers[l];
    float* gradient = work.gradient.data() + layer.paramsAt;
    for (size_t o = 0; o < layer.out; o++) {
      Lanes sum = {};
      for (size_t s = 0; s < width; s += LANES) sum += load(errors + o * width + s);
      sum += SHUFFLE(sum, sum, 4, 5, 6, 7, 0, 1, 2, 3);
      sum += SHUFFLE(sum, sum, 2, 3, 0, 1, 6, 7, 4, 5);
      gradient[layer.out * layer.stride + o] = sum[0] + sum[1];
    }
    const Left left = {errors, width, 1};
    if (l == 0) {
      product(left, inputAt, layer.out, layer.stride, count, gradient, layer.stride, false);
      break;
    }
    float* hidden = work.outputs.data() + net.layers[l - 1].outputsAt;
    float* across = work.across.data();
    transpose([&](size_t h) { return hidden + h * width; }, layer.in, width, across, layer.stride);
    for (size_t s = 0; s < width; s++)
      for (size_t h = layer.in; h < layer.stride; h++) across[s * layer.stride + h] = 0;
    product(left, [&](size_t s) { return across + s * layer.stride; }, layer.out, layer.stride, count, gradient, layer.stride, false);
    const float* params = work.params.data() + layer.paramsAt;
    float* upstream = work.upstream.data();
    product({params, 1, layer.stride}, [&](size_t o) { return errors + o * width; }, layer.in, width, layer.out, upstream, width, false);
    for (size_t at = 0; at < layer.in * width; at += LANES)
      store(hidden + at, choose(load(hidden + at) > Lanes{}, load(upstream + at), Lanes{}));
    errors = hidden;
  }
  return loss;
}

/// ‖g‖²
TARGET static double squaredNorm(const float* values, size_t size) {
  double total = 0;
  for (size_t first = 0; first < size; first += NORM_RUN) {
    const size_t end = first + NORM_RUN < size ? first + NORM_RUN : size;
    Lanes sums[4] = {};  // One sum would wait for itself.
    size_t at = first;
    for (; at + 4 * LANES <= end; at += 4 * LANES)
      for (int i = 0; i < 4; i++) sums[i] += load(values + at + i * LANES) * load(values + at + i * LANES);
    for (; at < end; at += LANES) sums[0] += load(values + at) * load(values + at);
    const Lanes sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    for (int lane = 0; lane < LANES; lane++) total += sum[lane];
  }
  return total;
}

/// All steps of one peer, in place. // params [net.size]
TARGET static Tally train(const Net& net, const Pool& pool, const Peer& peer, size_t steps, size_t capacity, Work& work) {
  memset(work.params.data(), 0, work.params.size() * sizeof(float));
  float* from = peer.params;
  for (const Layer& layer : net.layers) {
    float* params = work.params.data() + layer.paramsAt;
    transpose([&](size_t k) { return from + k * layer.out; }, layer.in, layer.out, params, layer.stride);
    memcpy(params + layer.out * layer.stride, from + layer.in * layer.out, layer.out * sizeof(float));
    from += (layer.in + 1) * layer.out;
  }
  Tally tally = {0, 0};
  for (size_t step = 0; step < steps; step++) {
    tally.loss += gradientOf(net, pool, peer.rows + step * capacity, peer.counts[step], work);
    const double square = squaredNorm(work.gradient.data(), work.gradient.size());
    tally.squaredNorm += square;
    const double norm = sqrt(square);
    const double clip = norm <= peer.clipNorm ? 1 : peer.clipNorm / norm;
    const Lanes shrinkage = spread(static_cast<float>(1 - peer.rates[step] * peer.weightDecay));
    const Lanes factor = spread(static_cast<float>(-peer.rates[step] * peer.gradientScale * clip));
    for (size_t at = 0; at < work.params.size(); at += LANES) {
      float* params = work.params.data() + at;
      store(params, load(params) * shrinkage + load(work.gradient.data() + at) * factor);
    }
  }
  float* to = peer.params;
  for (const Layer& layer : net.layers) {
    const float* params = work.params.data() + layer.paramsAt;
    transpose([&](size_t o) { return params + o * layer.stride; }, layer.out, layer.in, to, layer.out);
    memcpy(to + layer.in * layer.out, params + layer.out * layer.stride, layer.out * sizeof(float));
    to += (layer.in + 1) * layer.out;
  }
  return tally;
}

#undef INLINE

}  // namespace NAME
