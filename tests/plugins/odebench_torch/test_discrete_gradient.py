"""The engine's gradient is that of its discrete map: held to a plain recording of every operation by autograd."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from odebench import ExplicitRungeKutta
from odebench_rungekutta import TABLEAUS
from odebench_torch import dynamics, stepping, tape, vjp
from odebench_torch.live_bytes import LiveBytes
from odebench_torch.runge_kutta import RungeKutta

TABLES = {tableau.name: tableau for tableau in TABLEAUS}
TIMES = (0.1, 0.3, 0.35, 1.1, 2.0)
MODES: dict[str, dict[str, Any]] = {
    "adaptive": {"rtol": 1e-4, "atol": 1e-5},
    "step": {"step": 0.13},
    "num_steps": {"num_steps": 9},
}


def f(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
    return torch.tanh(torch.sin(3 * t) * y @ p["w1"] + p["b1"]) @ p["w2"] * (1 + t)


def inputs(sign: float = 1.0) -> tuple[Tensor, Tensor, dict[str, Tensor], Tensor]:
    """y0, ts and params that require grad, and the weights of a loss."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    params = {"w1": normal(2, 6), "b1": normal(6), "w2": 0.5 * normal(6, 2), "unused": normal(3)}
    ts = sign * torch.tensor(TIMES, dtype=torch.float64)
    params = {name: p.requires_grad_() for name, p in params.items()}
    return normal(3, 2).requires_grad_(), ts.requires_grad_(), params, normal(len(TIMES), 3, 2)


def replay(
    tableau: ExplicitRungeKutta, y: Tensor, ts: Tensor, p: Any, knots: list[tuple[Tensor, int | None]]
) -> Tensor:
    """Every operation of a solve that steps to these knots, in plain torch. ``int``: the output that a knot is."""
    outputs: dict[int, Tensor] = {0: y}
    t = ts[0]
    sign = 1 if ts[-1] > ts[0] else -1
    for t1, landed in knots:
        h = t1 - t
        ks: list[Tensor] = []
        for row, c in zip(tableau.a, tableau.c, strict=True):
            ks.append(f(t + float(c) * h, y + h * sum(float(a) * k for a, k in zip(row, ks, strict=True)), p))
        for j in range(len(ts)):
            if sign * (ts[j] - t) > 0 and sign * (t1 - ts[j]) > 0 and tableau.dense is not None:
                theta = (ts[j] - t) / h
                weights = [sum(float(d) * theta ** (i + 1) for i, d in enumerate(row)) for row in tableau.dense]
                outputs[j] = y + h * sum(w * k for w, k in zip(weights, ks, strict=True))
        y = y + h * sum(float(b) * k for b, k in zip(tableau.b, ks, strict=True))
        if landed is not None:
            outputs[landed] = y
        t = t1
    return torch.stack([outputs[j] for j in range(len(ts))])


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[stepping.Step]:
    """The steps that the engine accepts."""
    seen: list[stepping.Step] = []
    accept = tape.Recorder.accept

    def spy(self: tape.Recorder, step: stepping.Step) -> None:
        seen.append(step)
        accept(self, step)

    monkeypatch.setattr(tape.Recorder, "accept", spy)
    return seen


def knots_of(steps: list[stepping.Step], ts: Tensor, options: dict[str, Any]) -> list[tuple[Tensor, int | None]]:
    """The knots as functions of ts: landed ones are outputs; the others follow from the way steps are made."""
    knots: list[tuple[Tensor, int | None]] = []
    t = ts[0]
    for step in steps:
        free = t.detach() + step.h
        if step.landed is not None:
            t = ts[step.landed]
        elif "step" in options:
            t = ts[0] + (free - ts[0].detach())
        elif "num_steps" in options:
            t = ts[0] + ((free - ts[0].detach()) / (ts[-1] - ts[0]).detach()) * (ts[-1] - ts[0])
        else:
            t = t + step.h
        knots.append((t, step.landed))
    return knots


def gradients(ys: Tensor, weights: Tensor, y0: Tensor, ts: Tensor, params: dict[str, Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad((ys * weights).sin().sum(), [y0, ts, *params.values()], materialize_grads=True))


def same(found: list[Tensor], expected: list[Tensor], rtol: float = 1e-12) -> None:
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() <= rtol * b.norm()


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["ascending", "descending"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["dopri5", "tsit5", "dopri8", "fehlberg45", "rk4", "bosh3", "euler"])
def test_it_is_the_recorded_gradient(name: str, mode: str, sign: float, steps: list[stepping.Step]) -> None:
    """To 1e-12 for y0, every parameter (unused ones, too) and every time: interior, landed, first and last."""
    tableau, options = TABLES[name], MODES[mode]
    if mode == "adaptive" and not tableau.adaptive:
        options = {}
    y0, ts, params, weights = inputs(sign)
    ys, stats = RungeKutta(tableau)(f, y0, ts, params, **options)
    assert stats.accepted == len(steps)
    recorded = replay(tableau, y0, ts, params, knots_of(steps, ts, options))
    assert torch.allclose(ys, recorded, rtol=1e-13, atol=1e-14)
    same(gradients(ys, weights, y0, ts, params), gradients(recorded, weights, y0, ts, params))


def test_dense_outputs_are_among_what_is_tested(steps: list[stepping.Step]) -> None:
    """The problem above has steps with several interior outputs, steps with none, and rejected attempts."""
    y0, ts, params, _ = inputs()
    _, stats = RungeKutta(TABLES["dopri5"])(f, y0, ts, params, **MODES["adaptive"], first_step=1.0)
    assert stats.rejected > 0
    assert any(step.thetas for step in steps)
    assert not all(step.thetas for step in steps)
    steps.clear()
    RungeKutta(TABLES["dopri5"])(f, y0, ts, params, num_steps=2)
    assert max(len(step.thetas) for step in steps) >= 2


def test_an_output_on_a_knot_moves_it(steps: list[stepping.Step]) -> None:
    """An interior output that a fixed knot falls on is that knot, and its time's gradient is the step's."""
    y0, _, params, weights = inputs()
    ts = torch.tensor([0.0, 0.25, 0.5, 0.9, 1.0], dtype=torch.float64, requires_grad=True)
    ys, _ = RungeKutta(TABLES["rk4"])(f, y0, ts, params, num_steps=4)
    assert [step.landed for step in steps] == [1, 2, None, 4]
    recorded = replay(TABLES["rk4"], y0, ts, params, knots_of(steps, ts, {"num_steps": 4}))
    same(gradients(ys, weights, y0, ts, params), gradients(recorded, weights, y0, ts, params))


@pytest.mark.parametrize("name", ["dopri5", "rk4", "dopri8"])
def test_vjps(name: str) -> None:
    """A VJP for each evaluation of an accepted step, none for the probe, rejected attempts or what nothing asks for."""
    counts = {"f": 0, "vjp": 0}

    def counted(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        counts["f"] += 1
        k = f(t, y, p)
        k.register_hook(lambda g: counts.__setitem__("vjp", counts["vjp"] + 1))
        return k

    y0, ts, params, _ = inputs()
    tableau = TABLES[name]
    ys, stats = RungeKutta(tableau)(
        counted, y0, ts, params, **MODES["adaptive"] if tableau.adaptive else {"num_steps": 7}
    )
    assert counts["f"] == stats.nfe
    ys[-1].sum().backward()
    stages = tableau.stages - tableau.fsal
    assert counts["vjp"] == stages * stats.accepted


def test_gradcheck() -> None:
    """torch's own check, of every input, with fixed steps."""
    y0, ts, params, _ = inputs()
    names, values = list(params), list(params.values())
    solve = RungeKutta(TABLES["dopri5"])

    def run(y: Tensor, ts: Tensor, *values: Tensor) -> Tensor:
        return solve(f, y, ts, dict(zip(names, values, strict=True)), num_steps=4)[0]

    assert torch.autograd.gradcheck(run, (y0, ts, *values))


def test_trees() -> None:
    """A tree with a leaf that f ignores has the gradient of the same state in one tensor."""
    solve, ts = RungeKutta(TABLES["dopri5"]), torch.tensor([0, 0.5, 1.2], dtype=torch.float64)
    a, b = (torch.linspace(0.1, 1, n, dtype=torch.float64).requires_grad_() for n in (3, 2))

    def flat(t: Tensor, y: Tensor) -> Tensor:
        return torch.cat([torch.cos(y[:3]) * t, torch.ones_like(y[3:])])

    def tree(t: Tensor, y: Any) -> Any:
        return {"a": torch.cos(y["a"]) * t, "b": (torch.ones_like(b),)}

    one, _ = solve(flat, torch.cat([a, b]), ts, num_steps=5)
    many, _ = solve(tree, {"a": a, "b": (b,)}, ts, num_steps=5)
    same(
        list(torch.autograd.grad(many["a"].sin().sum() + many["b"][0].sin().sum(), [a, b])),
        list(torch.autograd.grad(one.sin().sum(), [a, b])),
    )


def test_module_and_functional_agree() -> None:
    """A module's own parameters get what the same parameters get when they are passed."""

    class Net(torch.nn.Module):
        def __init__(self, params: dict[str, Tensor]) -> None:
            super().__init__()
            self.p = torch.nn.ParameterDict({k: v.detach().clone() for k, v in params.items()})

        def forward(self, t: Tensor, y: Tensor) -> Tensor:
            return f(t, y, self.p)

    y0, ts, params, weights = inputs()
    module, solve = Net(params), RungeKutta(TABLES["dopri5"])
    functional = gradients(solve(f, y0, ts, params)[0], weights, y0, ts, params)
    own = {name: module.p[name] for name in params}
    same(gradients(solve(module, y0, ts)[0], weights, y0, ts, own), functional)
    passed = {f"p.{k}": v for k, v in params.items()}
    same(gradients(solve(module, y0, ts, passed)[0], weights, y0, ts, passed), functional)


def test_captured_and_derived_tensors() -> None:
    """Tensors that f has captured, and parameters computed from others, get the gradient that autograd gives."""
    y0, ts, params, weights = inputs()
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def gradient(solve: Callable[..., Tensor]) -> list[Tensor]:
        derived = {**params, "w1": params["w1"] * scale}
        bias = params["b1"].exp()  # captured, and made from a parameter
        ys = solve(lambda t, y, p: f(t, y, p) * scale + bias.sum() + p["w1"].sum(), derived)
        return list(torch.autograd.grad((ys * weights).sum(), [y0, scale, params["w1"], params["b1"]]))

    def recorded(g: Any, derived: Any) -> Tensor:
        tableau, y, h = TABLES["rk4"], y0, (ts[-1] - ts[0]).detach() / 6
        ys, t = [y], ts[0].detach()
        for _ in range(6):
            ks: list[Tensor] = []
            for row, c in zip(tableau.a, tableau.c, strict=True):
                ks.append(g(t + float(c) * h, y + h * sum(float(a) * k for a, k in zip(row, ks, strict=True)), derived))
            y, t = y + h * sum(float(b) * k for b, k in zip(tableau.b, ks, strict=True)), t + h
        return torch.stack([ys[0]] * (len(TIMES) - 1) + [y])

    ends = ts.detach()[[0, -1]]

    def engine(g: Any, derived: Any) -> Tensor:
        ys, _ = RungeKutta(TABLES["rk4"])(g, y0, ends, derived, num_steps=6)
        return torch.cat([ys[:1]] * (len(TIMES) - 1) + [ys[1:]])

    same(gradient(engine), gradient(recorded))


@pytest.mark.parametrize("of_state", [True, False], ids=["with-y0", "without-y0"])
@pytest.mark.parametrize("early", [True, False], ids=["two-branches", "late-branch-only"])
def test_tensors_captured_by_some_evaluations(early: bool, of_state: bool) -> None:
    """A tensor that only a later branch of f uses has its gradient, whether or not anything else has one."""
    w, v = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (0.3, -0.4))
    y0 = torch.ones(2, dtype=torch.float64, requires_grad=of_state)
    ts = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)

    def branches(t: Tensor, y: Tensor) -> Tensor:
        return y * (w if early else w.detach()) if t < 0.5 else y * v

    ys, stats = RungeKutta(TABLES["euler"])(branches, y0, ts, step=0.25)
    assert ys.requires_grad
    expected = y0 * (1 + (w if early else w.detach()) / 4) ** 2 * (1 + v / 4) ** 2
    same([ys[-1].detach()], [expected.detach()])
    of = [v] + [w] * early + [y0] * of_state
    same(list(torch.autograd.grad(ys[-1].sum(), of)), list(torch.autograd.grad(expected.sum(), of)))
    assert stats.accepted == 4


def test_nothing_to_differentiate() -> None:
    """With grad enabled but nothing that requires it, the result is plain; under no_grad it always is."""
    y0, ts, params, _ = inputs()
    solve = RungeKutta(TABLES["dopri5"])
    detached = {name: p.detach() for name, p in params.items()}
    plain, stats = solve(f, y0.detach(), ts.detach(), detached)
    assert not plain.requires_grad
    with torch.no_grad():
        without, stats_without = solve(f, y0, ts, params)
    assert not without.requires_grad
    with torch.inference_mode():
        inference, _ = solve(f, y0, ts, params)
    recorded, stats_recorded = solve(f, y0, ts, params)
    assert torch.equal(plain, without)
    assert torch.equal(plain, inference)
    assert torch.equal(plain, recorded)
    assert stats == stats_without == stats_recorded


def test_backward_twice() -> None:
    """retain_graph works, a second backward without it and a second derivative are errors that say so."""
    y0, ts, params, _ = inputs()
    ys, _ = RungeKutta(TABLES["dopri5"])(f, y0, ts, params)
    (first,) = torch.autograd.grad(ys.sum(), y0, retain_graph=True)
    (second,) = torch.autograd.grad(ys.sum(), y0)
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(ys.sum(), y0)
    ys, _ = RungeKutta(TABLES["dopri5"])(f, y0, ts, params)
    for loss in (ys[-1].sum(), ys.square().sum()):  # with a cotangent that does not require grad, and one that does
        with pytest.raises(RuntimeError, match="create_graph=True"):
            torch.autograd.grad(loss, y0, create_graph=True)


def test_saved_tensor_hooks() -> None:
    """What is kept goes through torch's hooks for saved tensors, and comes back the same."""
    y0, ts, params, weights = inputs()
    solve = RungeKutta(TABLES["dopri5"])
    expected = gradients(solve(f, y0, ts, params)[0], weights, y0, ts, params)
    packed = 0

    def pack(x: Tensor) -> Tensor:
        nonlocal packed
        packed += 1
        return x.clone()

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        ys, _ = solve(f, y0, ts, params)
    same(gradients(ys, weights, y0, ts, params), expected)
    assert packed > 0


def test_a_single_time_and_constant_dynamics() -> None:
    """T = 1 passes the cotangent on; dynamics without a gradient do not break the sweep."""
    y0, ts, params, _ = inputs()
    solve = RungeKutta(TABLES["dopri5"])
    ys, _ = solve(f, y0, ts[:1], params)
    assert torch.equal(torch.autograd.grad(ys.sum(), y0)[0], torch.ones_like(y0))
    ys, _ = solve(lambda t, y: torch.ones_like(y), y0, ts)
    dy, dt = torch.autograd.grad(ys[-1].sum(), [y0, ts])
    assert torch.allclose(dy, torch.ones_like(y0))
    assert torch.allclose(dt, torch.tensor([-6.0, 0, 0, 0, 6], dtype=torch.float64))


def test_both_vjps_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unchecked VJP, where this torch has it, is the public one; without it the public one is used."""
    x, w = (torch.randn(4, dtype=torch.float64).requires_grad_() for _ in range(2))
    g = torch.randn(4, dtype=torch.float64)
    unused = torch.ones(1, requires_grad=True)
    expected = vjp._checked([x * w], [g], [x, w, unused], False)
    found = vjp.vjp([x * w], [g], [x, w, unused], False)
    assert found[2] is expected[2] is None
    same([g for g in found if g is not None], [g for g in expected if g is not None])
    monkeypatch.delattr(torch.autograd.graph, "_engine_run_backward", raising=False)
    assert vjp._choose() is vjp._checked
    monkeypatch.setattr(torch.autograd.graph, "_engine_run_backward", lambda *a: None, raising=False)
    assert vjp._choose() is vjp._checked


def test_leaves_of_a_graph() -> None:
    """Leaves are found through shared and non-leaf tensors, each once."""
    a, b = (torch.ones(2, requires_grad=True) for _ in range(2))
    c = a * b
    assert {id(x) for x in dynamics.leaves_of_graph([c * c + a, b, torch.ones(1)])} == {id(a), id(b)}


def test_what_is_kept_and_how_long() -> None:
    """The activations of every evaluation but the probe and the rejected are kept, and gone after the backward pass."""
    kept: list[weakref.ref[Tensor]] = []

    def watched(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        kept.append(weakref.ref(y))
        return f(t, y, p)

    y0, ts, params, _ = inputs()
    ys, stats = RungeKutta(TABLES["dopri5"])(watched, y0, ts, params, **MODES["adaptive"], first_step=1.0)
    assert stats.rejected > 0
    assert len(kept) == stats.nfe
    assert sum(ref() is not None for ref in kept) == 1 + 6 * stats.accepted
    ys.sum().backward()
    assert not any(ref() is not None for ref in kept)


def test_what_f_returns_is_not_kept() -> None:
    """Of a net of one hidden layer the solve keeps, an evaluation, y and the layer's activations: no dy/dt."""
    batch, size, hidden, dtype = 5, 3, 7, torch.float64
    g = torch.Generator().manual_seed(0)
    w1, w2 = (torch.randn(*shape, generator=g, dtype=dtype) for shape in ((size, hidden), (hidden, size)))
    y0, ts = torch.randn(batch, size, generator=g, dtype=dtype), torch.tensor([0.0, 1.0], dtype=dtype)

    def bytes_kept(num_steps: int) -> int:
        params = [w.detach().requires_grad_() for w in (w1, w2)]
        with LiveBytes() as live:
            ys, _ = RungeKutta(TABLES["rk4"])(
                lambda t, y, p: torch.tanh(y @ p[0]) @ p[1], y0, ts, params, num_steps=num_steps
            )
            assert ys.requires_grad
            return live.now

    assert bytes_kept(8) - bytes_kept(5) == 3 * 4 * batch * (size + hidden) * y0.element_size()


@pytest.mark.parametrize("timed", [False, True])
def test_what_f_returns_is_still_its_own(timed: bool) -> None:
    """f may write over what it returned before, or return the same tensor each time."""
    y0, ts, params, weights = inputs()
    ts = ts if timed else ts.detach()
    wanted = [y0, *([ts] if timed else []), *(p for name, p in params.items() if name != "unused")]
    before: list[Tensor] = []
    same_one = torch.empty_like(y0)

    def overwriting(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        before.append(f(t, y, p))
        with torch.no_grad():
            for k in before[:-1]:
                k.fill_(torch.nan)
        return before[-1]

    def reusing(t: Tensor, y: Tensor, p: dict[str, Tensor]) -> Tensor:
        return same_one.copy_(f(t, y, p))

    def gradient(dynamics: Any) -> list[Tensor]:
        ys, _ = RungeKutta(TABLES["dopri5"])(dynamics, y0, ts, params)
        return list(torch.autograd.grad((ys * weights).sum(), wanted))

    expected = gradient(f)
    same(gradient(overwriting), expected)
    same(gradient(reusing), expected)


def test_a_torch_that_does_not_tell_whether_the_graph_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken for kept."""
    x = torch.ones(1, requires_grad=True)
    told: list[bool] = []
    for retain in (True, False):
        y = 2 * x
        y.register_hook(lambda _: told.append(vjp.graph_is_kept()))
        y.backward(retain_graph=retain)
    assert told == [True, False]
    monkeypatch.delattr(torch._C._autograd, "_get_current_graph_task_keep_graph")
    assert vjp._teller()()
