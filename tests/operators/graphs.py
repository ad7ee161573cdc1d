"""A few nodes that a person writes as one line: text of a graph, and of its forward."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Graph:
    """``text`` in ONNX' own syntax; ``line`` must stand in what is written."""

    name: str
    text: str
    lines: tuple[str, ...]
    absent: tuple[str, ...] = ()


GRAPHS = [
    Graph(
        "flatten_by_shape",
        """(float[N,5,6,3] x) => (float[N,K] y) {
          s = Shape(x)  i0 = Constant<value_ints=[0]>()  b = Gather(s, i0)
          m = Constant<value_ints=[-1]>()  sh = Concat<axis=0>(b, m)
          y = Reshape(x, sh) }""",
        ("x.flatten(1)",),
        ("shape",),
    ),
    Graph(
        "split_heads",
        """(float[N,T,8] x) => (float[N,2,T,4] y) {
          s = Shape(x)  i0 = Constant<value_int=0>()  i1 = Constant<value_int=1>()
          n = Gather(s, i0)  t = Gather(s, i1)  ax = Constant<value_ints=[0]>()
          n1 = Unsqueeze(n, ax)  t1 = Unsqueeze(t, ax)
          h = Constant<value_ints=[2, 4]>()  sh = Concat<axis=0>(n1, t1, h)
          r = Reshape(x, sh)  y = Transpose<perm=[0,2,1,3]>(r) }""",
        ("x.unflatten(2, (2, 4))",),
    ),
    Graph(
        "join_heads",
        """(float[N,2,T,4] x) => (float[N,T,8] y) {
          t = Transpose<perm=[0,2,1,3]>(x)  s = Shape(t)
          z = Constant<value_ints=[0]>()  two = Constant<value_ints=[2]>()
          head = Slice(s, z, two, z)  e = Constant<value_ints=[8]>()
          sh = Concat<axis=0>(head, e)  y = Reshape(t, sh) }""",
        ("x.transpose(1, 2)", "x.flatten(2)"),
    ),
    Graph(
        "half_of_the_steps",
        """(float[N,T,3] x) => (float[N,K,3] y) {
          s = Shape(x)  i1 = Constant<value_ints=[1]>()  t = Gather(s, i1)
          two = Constant<value_ints=[2]>()  h = Div(t, two)
          z = Constant<value_ints=[0]>()  y = Slice(x, z, h, i1) }""",
        ("x[:, :x.shape[1] // 2]",),
    ),
    Graph(
        "as_much_of_a_constant",
        """(float[N,T,2] x) => (float[N,T,2] y) {
          table = Constant<value=float[1,7,2] {0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1.0,
            1.1,1.2,1.3,1.4}>()
          s = Shape(x)  i0 = Constant<value_ints=[0]>()  i1 = Constant<value_ints=[1]>()
          i2 = Constant<value_ints=[2]>()  t = Slice(s, i1, i2)
          far = Constant<value_ints=[1000000000]>()
          near = Constant<value_ints=[-1000000000]>()
          e = Concat<axis=0>(far, t, far)  q = Equal(e, far)
          no = Constant<value=bool[3] {0, 0, 0}>()  w = And(q, no)
          z = Where(w, near, e)  b = Constant<value_ints=[0, 0, 0]>()
          a = Constant<value_ints=[0, 1, 2]>()  p = Slice(table, b, z, a)
          y = Add(x, p) }""",
        ("[:, :x.shape[1]]",),
        ("10000",),
    ),
    Graph(
        "open_to_the_end",
        """(float[N,T,3] x) => (float[N,K,3] y) {
          b = Constant<value_ints=[0, 1]>()  a = Constant<value_ints=[0, 1]>()
          e = Constant<value_ints=[1000000000, 1000000000]>()
          y = Slice(x, b, e, a) }""",
        ("x[:, 1:]",),
        ("1000",),
    ),
    Graph(
        "places_that_were_found",
        """(float[N,4] x) => (float[N,4] y, float[N,1] w, float[N,4] v) {
          a = ArgMax<axis=1, keepdims=0>(x)  i = Cast<to=6>(a)
          d = Constant<value_int=4>()  o = Constant<value_floats=[0.0, 1.0]>()
          y = OneHot(i, d, o)
          b = ArgMin<axis=1, keepdims=1>(x)  w = GatherElements<axis=1>(x, b)
          k, j = TopK<axis=1>(x, two)  two = Constant<value_ints=[2]>()
          n = Neg(k)  v = ScatterElements<axis=1>(x, j, n) }""".replace(
            "k, j = TopK<axis=1>(x, two)  two = Constant<value_ints=[2]>()",
            "two = Constant<value_ints=[2]>()  k, j = TopK<axis=1>(x, two)",
        ),
        ("x.gather(1, ", "x.scatter(1, "),
        ("% x", "< 0"),
    ),
    Graph(
        "reversed_as_a_sequence",
        """(float[N,T,3] x) => (float[N,T,3] y) {
          t = Transpose<perm=[1,0,2]>(x)  s = Shape(x)  one = Constant<value_ints=[1]>()
          n = Gather(s, one)  q = Shape(t)  b = Gather(q, one)  k = Expand(n, b)
          r = ReverseSequence<batch_axis=1, time_axis=0>(t, k)
          y = Transpose<perm=[1,0,2]>(r) }""",
        ("x.flip(1)",),
        ("where", "transpose"),
    ),
    Graph(
        "all_but_the_last",
        """(float[N,T,3] x) => (float[N,K,3] y) {
          s = Shape(x)  i1 = Constant<value_ints=[1]>()  t = Gather(s, i1)
          h = Sub(t, i1)  z = Constant<value_ints=[0]>()  y = Slice(x, z, h, i1) }""",
        ("x[:, :-1]",),
    ),
    Graph(
        "zeros_like",
        """(float[N,T,3] x) => (float[N,T,3] y) {
          s = Shape(x)  y = ConstantOfShape(s) }""",
        ("torch.zeros_like(x)",),
    ),
    Graph(
        "positions",
        """(float[N,T,3] x) => (int64[T] y) {
          s = Shape<start=1, end=2>(x)  z = Constant<value_int=0>()
          o = Constant<value_int=1>()  t = Squeeze(s)  y = Range(z, t, o) }""",
        ("torch.arange(x.shape[1], device=x.device)",),
    ),
    Graph(
        "mean_by_its_count",
        """(float[N,T,3] x) => (float[N,3] y) {
          ax = Constant<value_ints=[1]>()  u = ReduceSum<keepdims=0>(x, ax)
          s = Shape(x)  i = Constant<value_int=1>()  t = Gather(s, i)
          f = Cast<to=1>(t)  y = Div(u, f) }""",
        ("x.sum(dim=1) / x.shape[1]",),
    ),
    Graph(
        "half_the_count",
        """(float[N,T,3] x) => (float[N,T,3] y) {
          s = Shape(x)  i = Constant<value_int=1>()  t = Gather(s, i)
          f = Cast<to=1>(t)  h = Constant<value_float=2.0>()  d = Div(f, h)
          y = Mul(x, d) }""",
        ("/ 2.0",),
    ),
    Graph(
        "constants_fold",
        """(float[N,3] x) => (float[N,3] y) {
          a = Constant<value_floats=[1.0, 4.0, 9.0]>()  q = Sqrt(a)  e = Exp(q)
          y = Add(x, e) }""",
        ("x + self.",),
        ("exp", "sqrt"),
    ),
    Graph(
        "numbers_fold",
        """(float[N,3] x) => (float[N,3] y) {
          a = Constant<value_float=16.0>()  q = Sqrt(a)  y = Div(x, q) }""",
        ("x / 4.0",),
    ),
    Graph(
        "expand_like_pytorch",
        """(float[N,1,3] x) => (float[N,5,3] y) {
          sh = Constant<value_ints=[-1, 5, 3]>()  m = Constant<value_ints=[-1]>()
          is = Equal(sh, m)  three = Constant<value_ints=[3]>()
          o = ConstantOfShape<value=int64[1] {1}>(three)  w = Where(is, o, sh)
          y = Expand(x, w) }""",
        ("x.expand(-1, 5, -1)",),
    ),
    Graph(
        "one_step",
        """(float[N,T,3] x) => (float[N,3] y) {
          s = Constant<value_ints=[-1]>()
          e = Constant<value_ints=[9223372036854775807]>()
          a = Constant<value_ints=[1]>()  p = Slice(x, s, e, a)  y = Squeeze(p, a) }""",
        ("x[:, -1]",),
    ),
    Graph(
        "rsqrt_and_not_equal",
        """(float[N,3] x, float[N,3] z) => (float[N,3] y, bool[N,3] w) {
          a = Abs(x)  q = Sqrt(a)  y = Reciprocal(q)
          e = Equal(x, z)  w = Not(e) }""",
        ("torch.rsqrt(", "x != z"),
    ),
    Graph(
        "nobody_writes_it_so",
        """(float[N,3] x, float[N,3] z) => (float[N,3] y, float[N,3] w, float[N,3] v) {
          one = Constant<value_float=1.0>()  none = Constant<value_float=0.0>()
          less = Constant<value_float=-1.5>()
          a = Mul(one, x)  b = Add(a, none)  c = Add(b, less)  d = Sub(c, none)
          y = Sub(d, less)  p = Abs(z)  q = Sqrt(p)  w = Div(one, q)
          e = Add(less, z)  k = Mul(one, e)  g = Sigmoid(k)  v = Mul(g, e) }""",
        ("x - 1.5 + 1.5", "torch.rsqrt(torch.abs(z))", "F.silu(z - 1.5)"),
        ("* 1.0", "1.0 *", "+ 0.0", "sigmoid"),
    ),
    Graph(
        "numbers_that_count",
        """(float[N,1] x, float[N,3] z) =>
          (float[N,3] y, float[N,1] w, float[1,N,3] v) {
          wide = Constant<value = float[1,3] {1.0, 1.0, 1.0}>()  y = Mul(x, wide)
          two = Constant<value_float=2.0>()  q = Abs(x)  r = Sqrt(q)  w = Div(two, r)
          deep = Constant<value = float[1,1,1] {0.0}>()  v = Add(z, deep) }""",
        ("x * ", "2.0 / torch.sqrt("),
    ),
    Graph(
        "an_open_axis_that_stays",
        """(float[N,4] x, float[N,2,3,4] z) => (float[N,2,3,4] y) {
          s = Constant<value_ints=[-1, 1, 1, 4]>()  g = Reshape(x, s)
          y = Mul(z, g) }""",
        ("z * x[:, None, None]",),
        ("reshape",),
    ),
    Graph(
        "near_one",
        """(float[N,3] x) => (float[N,3] y, float[N,3] w, float[N,3] v, float[N,3] u) {
          one = Constant<value_float=1.0>()  less = Constant<value_float=-1.0>()
          a = Abs(x)  b = Add(one, a)  y = Log(b)  c = Exp(x)  w = Sub(c, one)
          d = Neg(x)  e = Exp(d)  f = Add(e, one)  v = Log(f)
          g = Sin(x)  h = Exp(g)  u = Add(less, h) }""",
        ("torch.log1p(torch.abs(x))", "torch.expm1(x)", "F.softplus(-x)"),
        ("log(", "exp("),
    ),
    Graph(
        "nearly_so",
        """(float[N,3] x) => (float[N,3] y, float[N,3] w, float[1,N,3] v) {
          two = Constant<value_float=2.0>()  one = Constant<value_float=1.0>()
          a = Abs(x)  b = Add(two, a)  y = Log(b)  c = Exp(x)  w = Sub(one, c)
          deep = Constant<value = float[1,1,1] {1.0}>()
          d = Add(a, deep)  v = Log(d) }""",
        ("torch.exp(x)",),
        ("log1p", "expm1"),
    ),
    Graph(
        "gelu_taken_apart",
        """(float[N,3] x, float[N,3] z) => (float[N,3] y, float[N,3] w, float[N,3] v) {
          r = Constant<value_float=1.4142135381698608>()
          one = Constant<value_float=1.0>()  half = Constant<value_float=0.5>()
          a = Div(x, r)  b = Erf(a)  c = Add(b, one)  d = Mul(x, c)  y = Mul(d, half)
          three = Constant<value_float=3.0>()  k = Constant<value_float=0.044715>()
          s = Constant<value_float=0.7978845834732056>()
          e = Pow(z, three)  f = Mul(k, e)  g = Add(z, f)  h = Mul(s, g)  i = Tanh(h)
          j = Add(one, i)  l = Mul(half, z)  w = Mul(l, j)
          m = Mul(z, z)  n = Mul(m, z)  o = Mul(n, k)  p = Add(o, z)  q = Mul(p, s)
          t = Tanh(q)  u = Add(t, one)  aa = Mul(z, u)  v = Mul(aa, half) }""",
        ("F.gelu(x)", "F.gelu(z, approximate='tanh')"),
        ("erf", "torch.tanh"),
    ),
    Graph(
        "no_gelu",
        """(float[N,3] x, float[N,3] z) => (float[N,3] y, float[N,3] w) {
          r = Constant<value_float=1.5>()  one = Constant<value_float=1.0>()
          half = Constant<value_float=0.5>()
          a = Div(x, r)  b = Erf(a)  c = Add(b, one)  d = Mul(x, c)  y = Mul(d, half)
          t = Constant<value_float=1.4142135381698608>()
          e = Div(z, t)  f = Erf(e)  g = Add(f, one)  h = Mul(x, g)
          w = Mul(h, half) }""",
        ("torch.erf",),
        ("gelu",),
    ),
    Graph(
        "sums_of_exponentials",
        """(float[N,4,3] x) => (float[N,4] y, float[N,1,3] w) {
          last = Constant<value_ints=[2]>()  mid = Constant<value_ints=[1]>()
          m = ReduceMax<keepdims=1>(x, last)  a = Sub(x, m)  b = Exp(a)
          c = ReduceSum<keepdims=0>(b, last)  d = Log(c)  e = Squeeze(m, last)
          y = Add(d, e)
          n = ReduceMax<keepdims=1>(x, mid)  f = Sub(x, n)  g = Exp(f)
          h = ReduceSum<keepdims=1>(g, mid)  i = Log(h)  w = Add(n, i) }""",
        ("torch.logsumexp(x, dim=2)", "torch.logsumexp(x, dim=1, keepdim=True)"),
        ("exp()", "amax"),
    ),
    Graph(
        "product_of_rows",
        """(float[N,T,3] x, float[3,4] z) => (float[N,T,4] y) {
          r = Constant<value_ints=[-1, 3]>()  a = Reshape(x, r)  b = MatMul(a, z)
          h = Shape<start=0, end=2>(x)  k = Constant<value_ints=[4]>()
          s = Concat<axis=0>(h, k)  y = Reshape(b, s) }""",
        ("x @ z",),
        ("reshape", "flatten"),
    ),
    Graph(
        "product_of_rows_with_a_vector",
        """(float[N,T,3] x, float[3] z) => (float[N,T] y) {
          r = Constant<value_ints=[-1, 3]>()  a = Reshape(x, r)
          one = Constant<value_ints=[1]>()  w = Unsqueeze(z, one)  b = MatMul(a, w)
          s = Shape<start=0, end=2>(x)  y = Reshape(b, s) }""",
        ("x @ z",),
        ("reshape", "flatten"),
    ),
    Graph(
        "rows_that_come_out_otherwise",
        """(float[N,4,3] x, float[3,2] z) => (float[N,2,4] y) {
          r = Constant<value_ints=[-1, 3]>()  a = Reshape(x, r)  b = MatMul(a, z)
          s = Constant<value_ints=[-1, 2, 4]>()  y = Reshape(b, s) }""",
        ("reshape",),
    ),
    Graph(
        "parts_of_a_split",
        """(float[N,3,4] x) => (float[N,4] y, float[N,1,4] w) {
          a, b, c = Split<axis=1, num_outputs=3>(x)  one = Constant<value_ints=[1]>()
          d = Squeeze(a, one)  e = Squeeze(b, one)  y = Sub(d, e)  w = Sin(c) }""",
        ("x[:, 0] - x[:, 1]",),
        ("squeeze",),
    ),
    Graph(
        "masked_by_a_product",
        """(float[N,3] x, float[N,3] z) => (float[N,3] y) {
          o = Constant<value_float=0.5>()  b = Greater(z, o)  c = Cast<to=1>(b)
          y = Mul(c, x) }""",
        ("(z > 0.5) * x",),
        ("dtype",),
    ),
    Graph(
        "sizes_of_another",
        """(float[N,T,3] x, float[N,K] z) => (float[N,T,A,B] y) {
          s = Shape(z)  i1 = Constant<value_ints=[1]>()  k = Gather(s, i1)
          t = Shape<start=0, end=2>(x)  o = Constant<value_ints=[1]>()
          three = Constant<value_ints=[3]>()
          u = Unsqueeze(x, two)  two = Constant<value_ints=[2]>()
          h = Concat<axis=0>(t, k, three)  y = Expand(u, h) }""".replace(
            "u = Unsqueeze(x, two)  two = Constant<value_ints=[2]>()",
            "two = Constant<value_ints=[2]>()  u = Unsqueeze(x, two)",
        ),
        ("z.shape[1]",),
    ),
    Graph(
        "sizes_as_a_tensor",
        """(float[N,T,3] x) => (int64[3] y) {
          s = Shape(x)  two = Constant<value_int=2>()  y = Mul(s, two) }""",
        ("torch.tensor([2 * x.shape[0], 2 * x.shape[1], 6]",),
    ),
    Graph(
        "scaled_by_an_array",
        """(float[N,4,7,6] x) => (float[N,4,7,6] y)
          <float[1,4,1,1] gamma = {1.0, 2.0, 3.0, 4.0}> { y = Mul(x, gamma) }""",
        ("x * self.gamma",),
    ),
    Graph(
        "channels_islands",
        """(float[N,5,7,3] x) => (float[N,5,7,3] y)
          <float[3] beta = {1.0, 2.0, 3.0}> {
          t = Transpose<perm=[0,3,1,2]>(x)  p = MaxPool<kernel_shape=[3,3],
          pads=[1,1,1,1]>(t)  u = Transpose<perm=[0,2,3,1]>(p)  b = Add(u, beta)
          r = Relu(b)  v = Transpose<perm=[0,3,1,2]>(r)
          q = AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>(v)
          y = Transpose<perm=[0,2,3,1]>(q) }""",
        ("self.beta[:, None, None]",),
        ("permute", "transpose"),
    ),
    Graph(
        "squeeze_and_excite",
        """(float[N,5,7,3] x) => (float[N,5,7,3] y) {
          t = Transpose<perm=[0,3,1,2]>(x)  p = MaxPool<kernel_shape=[1,1]>(t)
          u = Transpose<perm=[0,2,3,1]>(p)  ax = Constant<value_ints=[1,2]>()
          m = ReduceMean<keepdims=0>(u, ax)  w = Unsqueeze(m, ax)  y = Mul(u, w) }""",
        (),
        ("permute", "transpose"),
    ),
]
