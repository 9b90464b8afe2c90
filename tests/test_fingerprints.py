"""What a result depends on changes its key, nothing else does: a list of one-thing changes, held in two processes."""

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from semlens_widgets.fingerprints import fingerprint, reasons

HEAD = """
import dataclasses, enum, functools, math, random, threading
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
"""

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Linear(3, 5)
{init}
    def forward(self, x):
        {forward}
{more}
def make():
    net = Net()
{after}
    return net
"""


def net(forward="return self.body(x)", init="", more="", after="", before=""):
    def indented(text, by):
        return "\n".join(" " * by + line for line in text.splitlines())

    return before + "\n" + NET.format(
        forward=forward, init=indented(init, 8), more=indented(more, 4), after=indented(after, 4)
    )  # fmt: skip


def fn(body, before=""):
    return f"{before}\ndef make():\n" + "\n".join("    " + line for line in body.splitlines()) + "\n"


# what changes: (a program whose `make()` gives the thing, the text that is changed in it, what it is changed to)
CHANGES = {
    # a module's own code
    "forward": (net("return self.body(x) * 2"), "* 2", "* 3"),
    "a constant in forward": (net("return self.body(x).clamp(0, 6.0)"), "6.0", "5.0"),
    "an operator in forward": (net("return self.body(x) + 1"), "+ 1", "- 1"),
    "a method that forward calls": (net("return self.act(x)", more="def act(self, x): return x * 2"), "* 2", "* 3"),
    "a method named by a text": (
        net("return getattr(self, 'act')(x)", more="def act(self, x): return x * 2"), "* 2", "* 3"),
    "a method named when it runs": (
        net("return getattr(self, ''.join(['a', 'ct']))(x)", more="def act(self, x): return x * 2"), "* 2", "* 3"),
    "a method of a base": (
        net("return self.act(x)", before="class Base(nn.Module):\n    def act(self, x): return x * 2").replace(
            "Net(nn.Module)", "Net(Base)"), "* 2", "* 3"),
    "a method of a mixin": (
        net("return self.act(x)", before="class Mixin:\n    def act(self, x): return x * 2").replace(
            "Net(nn.Module)", "Net(Mixin, nn.Module)"), "* 2", "* 3"),
    "a method that a library's class calls": (
        "import torchvision\nclass Net(torchvision.models.ResNet):\n    def __init__(self): nn.Module.__init__(self)\n"
        "    def _forward_impl(self, x): return x * 2\ndef make(): return Net()", "* 2", "* 3"),
    "a method that a library's function calls": (
        "import torchvision\nclass Net(nn.Module):\n    def _forward_impl(self, x): return x * 2\n"
        "    forward = torchvision.models.ResNet.forward\ndef make(): return Net()", "* 2", "* 3"),
    "a property": (net("return x * self.scale", more="@property\ndef scale(self): return 2"), "return 2", "return 3"),
    "a cached property": (
        net("return x * self.scale", more="@functools.cached_property\ndef scale(self): return 2"),
        "return 2", "return 3"),
    "a static method": (
        net("return self.act(x)", more="@staticmethod\ndef act(x): return x * 2"), "* 2", "* 3"),
    "a class method": (
        net("return self.act(x)", more="@classmethod\ndef act(cls, x): return x * 2"), "* 2", "* 3"),
    "a class attribute": (net("return x * self.scale", more="scale = 2"), "scale = 2", "scale = 3"),
    "a class attribute of a base": (
        net("return x * self.scale", before="class Base(nn.Module):\n    scale = 2").replace(
            "Net(nn.Module)", "Net(Base)"), "scale = 2", "scale = 3"),
    "an operator method": (
        net("return self.scale * x", init="self.scale = Scale()",
            before="class Scale:\n    def __mul__(self, x): return x * 2"), "* 2", "* 3"),
    "__call__": (net(more="def __call__(self, x): return x * 2"), "* 2", "* 3"),
    "__getattr__": (
        net("return x * self.scale",
            more="def __getattr__(self, name): return 2 if name == 'scale' else super().__getattr__(name)"),
        "return 2 if", "return 3 if"),
    "the base class": (net(before="Base = nn.Module").replace("Net(nn.Module)", "Net(Base)"),
                       "Base = nn.Module", "class Base(nn.Module):\n    def __call__(self, x): return x"),
    # attributes
    "a number": (net("return x * self.scale", init="self.scale = 2"), "scale = 2", "scale = 3"),
    "a truth": (net("return x if self.on else -x", init="self.on = True"), "= True", "= False"),
    "a kind of number": (net("return x // self.scale", init="self.scale = 2"), "scale = 2", "scale = 2.0"),
    "a text": (net("return getattr(F, self.act)(x)", init="self.act = 'relu'"), "'relu'", "'silu'"),
    "None": (net("return x if self.act is None else -x", init="self.act = None"), "act = None", "act = 0"),
    "a tensor without a name": (
        net("return x * self.scale", init="self.scale = torch.ones(3)"), "ones(3)", "zeros(3)"),
    "an array": (net("return x * torch.as_tensor(self.a)", init="self.a = np.ones(3)"), "ones(3)", "zeros(3)"),
    "the kind of an array": (
        net("return x * torch.as_tensor(self.a)", init="self.a = np.zeros(3, 'f4')"), "'f4'", "'i4'"),
    "the shape of an array": (
        net("return x * torch.as_tensor(self.a)", init="self.a = np.zeros((3, 1))"), "(3, 1)", "(1, 3)"),
    "an item of a list": (net("return x[self.keep]", init="self.keep = [0, 1]"), "[0, 1]", "[0, 2]"),
    "the order of a list": (net("return x[self.keep]", init="self.keep = [0, 1]"), "[0, 1]", "[1, 0]"),
    "an item of a tuple": (net("return x[self.keep]", init="self.keep = (0, [1])"), "[1]", "[2]"),
    "a value of a dict": (net("return x * self.c['s']", init="self.c = {'s': 2}"), "'s': 2", "'s': 3"),
    "a key of a dict": (net("return x * len(self.c)", init="self.c = {'s': 2}"), "{'s'", "{'t'"),
    "an element of a set": (net("return x * (2 in self.c)", init="self.c = {1, 2}"), "{1, 2}", "{1, 3}"),
    "a nested value": (
        net("return x * self.c['a'][0]['b']", init="self.c = {'a': [{'b': 2}]}"), "'b': 2", "'b': 3"),
    "a function": (net("return self.act(x)", init="self.act = torch.relu"), "torch.relu", "torch.sigmoid"),
    "a lambda": (net("return self.act(x)", init="self.act = lambda x: x * 2"), "* 2", "* 3"),
    "a partial's keyword": (
        net("return self.act(x)", init="self.act = functools.partial(F.leaky_relu, negative_slope=.1)"), ".1", ".2"),
    "a partial's argument": (
        net("return self.act(x)", init="self.act = functools.partial(torch.mul, 2)"), "mul, 2", "mul, 3"),
    "a field of a dataclass": (
        net("return x * self.c.scale", init="self.c = Config(2)",
            before="@dataclasses.dataclass\nclass Config:\n    scale: int = 1"), "Config(2)", "Config(3)"),
    "a slot": (
        net("return x * self.c.scale", init="self.c = Config()\nself.c.scale = 2",
            before="class Config:\n    __slots__ = ('scale',)"), "scale = 2", "scale = 3"),
    "a member of an enum": (
        net("return x * (self.mode is Mode.A)", init="self.mode = Mode.A",
            before="class Mode(enum.Enum):\n    A = 1\n    B = 2"), "self.mode = Mode.A", "self.mode = Mode.B"),
    "the value of an enum's member": (
        net("return x * self.mode.value", init="self.mode = Mode.A",
            before="class Mode(enum.Enum):\n    A = 1\n    B = 2"), "A = 1", "A = 7"),
    "an object's method": (
        net("return self.helper.act(x)", init="self.helper = Helper()",
            before="class Helper:\n    def act(self, x): return x * 2"), "* 2", "* 3"),
    "an item of a subclass of list": (
        net("return x * self.c[0]", init="self.c = Mine([2])", before="class Mine(list): pass"), "[2]", "[3]"),
    "forward put on the instance": (net(after="net.forward = lambda x: x * 2"), "* 2", "* 3"),
    "a method bound to the instance": (
        net("return self.act(x)", before="import types\ndef act(self, x): return x * 2",
            after="net.act = types.MethodType(act, net)"), "* 2", "* 3"),
    # what torch keeps
    "a weight": (net(after="net.body.weight.data[0, 0] = 2"), "= 2", "= 3"),
    "a weight's kind": (net(after="net.body.float()"), ".float()", ".half()"),
    "a buffer": (net("return x * self.b", init="self.register_buffer('b', torch.ones(3))"), "ones", "zeros"),
    "a buffer that is not saved": (
        net("return x * self.b", init="self.register_buffer('b', torch.ones(3), persistent=False)"), "ones", "zeros"),
    "a library module's setting": (net(after="net.norm = nn.BatchNorm1d(5, eps=1e-5)"), "1e-5", "1e-3"),
    "a setting that repr does not show": (
        net(after="net.pool = nn.MaxPool2d(2)\nnet.pool.ceil_mode = False"), "= False", "= True"),
    "an added module": (net(after="net.more = nn.Identity()"), "Identity", "ReLU"),
    "the order of modules": (
        "def make(): return nn.Sequential(nn.ReLU(), nn.Tanh())", "nn.ReLU(), nn.Tanh()", "nn.Tanh(), nn.ReLU()"),
    "the order of named modules": (
        fn("return nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))", before="from collections import OrderedDict"),
        "a=nn.ReLU(), b=nn.Tanh()", "b=nn.Tanh(), a=nn.ReLU()"),
    "a forward hook": (
        net(after="net.body.register_forward_hook(lambda m, i, o: o * 2)"), "* 2", "* 3"),
    "a forward hook that is there": (
        net(after="net.body.register_forward_hook(lambda m, i, o: o * 2)"), "net.body.reg", "lambda: net.body.reg"),
    "a hook before forward": (
        net(after="net.body.register_forward_pre_hook(lambda m, i: (i[0] * 2,))"), "* 2", "* 3"),
    "a hook of gradients": (
        net(after="net.body.register_full_backward_hook(lambda m, i, o: (i[0] * 2,))"), "* 2", "* 3"),
    "a hook that is a method": (
        net(before="class Steer:\n    def __init__(self, by): self.by = by\n"
                   "    def __call__(self, m, i, o): return o * self.by",
            after="net.body.register_forward_hook(Steer(2))"), "Steer(2)", "Steer(3)"),
    "a parametrization": (
        net(before="from torch.nn.utils import parametrize\n"
                   "class P(nn.Module):\n    def forward(self, w): return w * 2",
            after="parametrize.register_parametrization(net.body, 'weight', P())"), "w * 2", "w * 3"),
    "pruning": (
        net(before="from torch.nn.utils import prune", after="prune.l1_unstructured(net.body, 'weight', amount=2)"),
        "amount=2", "amount=3"),
    "extra state": (
        net(before="class Box:\n    def __init__(self, v): self.get = lambda: v",
            more="def get_extra_state(self): return 2"), "return 2", "return 3"),
    "a class of a library that was changed": (
        fn("return Softer()", before="Softer = type('Softer', (nn.Softsign,), {'__module__': 'torch.nn'})\n"
                                     "def twice(self, x): return x * 2\nSofter.forward = twice"), "* 2", "* 3"),
    "a function of a library that was changed": (
        fn("return f", before="import types, sys\nlib = sys.modules['lib'] = types.ModuleType('lib')\n"
                              "lib.__file__ = np.__file__\ndef act(x): return x * 2\nlib.act = act\n"
                              "def f(x): return lib.act(x)"), "* 2", "* 3"),
    # functions
    "a function's code": (fn("return f", before="def f(x): return x * 2"), "* 2", "* 3"),
    "a default": (fn("return f", before="def f(x, by=2): return x * by"), "by=2", "by=3"),
    "a keyword's default": (fn("return f", before="def f(x, *, by=2): return x * by"), "by=2", "by=3"),
    "a closure's value": (fn("by = 2\nreturn lambda x: x * by"), "by = 2", "by = 3"),
    "a closure's closure": (fn("by = 2\ng = lambda x: x * by\nreturn lambda x: g(x)"), "by = 2", "by = 3"),
    "a global": (fn("return lambda x: x * BY", before="BY = 2"), "BY = 2", "BY = 3"),
    "a global's item": (fn("return lambda x: x * BY['by']", before="BY = {'by': [2]}"), "[2]", "[3]"),
    "a global array": (fn("return lambda x: x * A[0]", before="A = np.full(3, 2.)"), "2.)", "3.)"),
    "a global function": (fn("return lambda x: f(x)", before="def f(x): return x * 2"), "* 2", "* 3"),
    "a function of a function of a function": (
        fn("return lambda x: g(x)", before="def e(x): return x * 2\ndef f(x): return e(x)\ndef g(x): return f(x)"),
        "* 2", "* 3"),
    "functions that call each other": (
        fn("return f", before="def f(x): return g(x) if x else 2\ndef g(x): return f(0)"), "else 2", "else 3"),
    "a nested function": (
        fn("return f", before="def f(x):\n    def g(y): return y * 2\n    return g(x)"), "* 2", "* 3"),
    "a comprehension": (fn("return f", before="def f(x): return [y * 2 for y in x]"), "* 2", "* 3"),
    "a decorator": (
        fn("return f", before="def twice(g):\n    return lambda x: g(x) * 2\n@twice\ndef f(x): return x"),
        "* 2", "* 3"),
    "a wrapped function": (
        fn("return f", before="def twice(g):\n    @functools.wraps(g)\n    def h(x): return g(x)\n    return h\n"
                              "@twice\ndef f(x): return x * 2"), "* 2", "* 3"),
    "a function without gradients": (
        fn("return f", before="@torch.no_grad()\ndef f(x): return x * 2"), "* 2", "* 3"),
    "a cached function": (fn("return f", before="@functools.lru_cache\ndef f(x): return x * 2"), "* 2", "* 3"),
    "a function's attribute": (fn("return f", before="def f(x): return x * f.by\nf.by = 2"), "f.by = 2", "f.by = 3"),
    "a class's attribute by its name": (
        fn("return f", before="class C:\n    by = 2\ndef f(x): return x * C.by"), "by = 2", "by = 3"),
    "a global object's attribute": (
        fn("return f", before="class C: pass\nc = C()\nc.by = 2\ndef f(x): return x * c.by"), "by = 2", "by = 3"),
    "a global object's state": (
        fn("return f", before="c = dict(by=2)\ndef f(x): return x * sum(c.values())"), "by=2", "by=3"),
    "a bound method's object": (
        fn("return C(2).act", before="class C:\n    def __init__(self, by): self.by = by\n"
                                     "    def act(self, x): return x * self.by"), "C(2)", "C(3)"),
    "a callable object's state": (
        fn("return C(2)", before="class C:\n    def __init__(self, by): self.by = by\n"
                                 "    def __call__(self, x): return x * self.by"), "C(2)", "C(3)"),
    "a callable object's code": (
        fn("return C()", before="class C:\n    def __call__(self, x): return x * 2"), "* 2", "* 3"),
    "an attribute read by its name": (
        fn("return f", before="class C: pass\nc = C()\nc.by = 2\ndef f(x, name): return x * getattr(c, name)"),
        "by = 2", "by = 3"),
    "an attribute read from a dict": (
        fn("return f", before="class C: pass\nc = C()\nc.by = 2\ndef f(x, name): return x * c.__dict__[name]"),
        "by = 2", "by = 3"),
    "a method of a module given as an encoder": (
        net(more="def encode(self, x): return self.body(x)", after="net.body.weight.data[0, 0] = 2\nreturn net.encode"),
        "= 2", "= 3"),
    "an encoder's own attribute": (
        net(more="def encode(self, x): return x * self.by", after="net.by = 2\nreturn net.encode"), "= 2", "= 3"),
    "a set as a constant": (fn("return lambda x: x in {'a', 'b'}"), "'b'", "'c'"),
    "another function of a library": (fn("return F.relu"), "F.relu", "F.gelu"),
    "a function of a library under a name": (fn("return lambda x: act(x)", before="act = F.relu"), "F.relu", "F.gelu"),
    "an operator of a partial of a partial": (
        fn("return functools.partial(functools.partial(torch.add, alpha=2), 1)"), "alpha=2", "alpha=3"),
    "a function of several kinds": (
        fn("return f", before="@functools.singledispatch\ndef f(x): return x\n"
                              "@f.register(int)\ndef _(x): return x * 2"),
        "* 2", "* 3"),
    "a method with an argument given": (
        fn("return C()", before="class C:\n    def act(self, by, x): return x * by\n"
                                "    __call__ = functools.partialmethod(act, 2)"), "act, 2", "act, 3"),
    "an attribute read by a getter": (
        fn("return lambda x: x * get(c)", before="import operator\nclass C: pass\nc = C()\nc.by = 2\n"
                                                 "get = operator.attrgetter('by')"), "c.by = 2", "c.by = 3"),
    "a method called by a caller": (
        fn("return lambda x: x * get(C())", before="import operator\nclass C:\n    def act(self): return 2\n"
                                                   "get = operator.methodcaller('act')"), "return 2", "return 3"),
    "a field of a named tuple": (
        fn("return lambda x: x * c.by", before="from collections import namedtuple\n"
                                               "c = namedtuple('C', 'by')(2)"), "(2)", "(3)"),
    "a descriptor": (
        fn("return C()", before="class D:\n    def __get__(self, thing, kind): return 2\n"
                                "class C:\n    by = D()\n    def __call__(self, x): return x * self.by"),
        "return 2", "return 3"),
    "a metaclass": (
        fn("return lambda x: x * C.by", before="class M(type):\n    @property\n    def by(cls): return 2\n"
                                               "class C(metaclass=M): pass"), "return 2", "return 3"),
    "gradients of one's own": (
        fn("return lambda x: G.apply(x)", before="class G(torch.autograd.Function):\n"
            "    @staticmethod\n    def forward(ctx, x): return x\n"
            "    @staticmethod\n    def backward(ctx, g): return g * 2"), "* 2", "* 3"),
    "a compiled function": (fn("return f", before="@torch.compile\ndef f(x): return x * 2"), "* 2", "* 3"),
    "a mapped function": (fn("return torch.vmap(lambda x: x * 2)"), "* 2", "* 3"),
    # arrays, and what stands for itself
    "an array of directions": (fn("return np.eye(3)"), "np.eye(3)", "np.eye(3)[::-1]"),
    "a tensor of directions": (fn("return torch.eye(3)"), "torch.eye(3)", "torch.eye(3).flip(0)"),
    "the kind of a tensor": (fn("return torch.zeros(3)"), "zeros(3)", "zeros(3, dtype=torch.int32)"),
    "a half tensor": (fn("return torch.full((3,), 2., dtype=torch.bfloat16)"), "2.", "3."),
    "a complex tensor": (fn("return torch.full((3,), 2j)"), "2j", "3j"),
    "a conjugated tensor": (fn("return torch.full((3,), 2j).conj()"), ".conj()", ""),
    "a sparse tensor": (fn("return torch.eye(3).mul(2).to_sparse()"), "mul(2)", "mul(3)"),
    "an array of objects": (fn("return np.array(['a', [2]], dtype=object)"), "[2]", "[3]"),
    "a pattern": (fn("import re\nreturn re.compile('a')"), "'a'", "'b'"),
    "the flags of a pattern": (fn("import re\nreturn re.compile('a', re.I)"), "re.I", "re.M"),
    "a pattern of another library": (fn("import regex\nreturn regex.compile('a')"), "'a'", "'b'"),
    "the words of a pattern": (
        fn("import regex\nreturn regex.compile(r'\\L<words>', words=['a', 'b'])"), "'b'", "'c'"),
    "a tokenizer": (  # with one pair of letters: all 48,894 would take most of this file's time
        fn("import gzip, open_clip, os, tempfile\n"
           "with tempfile.TemporaryDirectory() as folder:\n"
           "    pairs = os.path.join(folder, 'pairs.gz')\n"
           "    with gzip.open(pairs, 'wt') as file: file.write('version\\na b\\n')\n"
           "    return open_clip.SimpleTokenizer(bpe_path=pairs, context_length=77)"), "77", "64"),
    "a tokenizer in Rust": (
        fn("from tokenizers import Tokenizer, models\n"
           "return Tokenizer(models.WordLevel({'a': 0, 'b': 1}, unk_token='a'))"), "'b': 1", "'c': 1"),
    "what another pickles": (
        fn("copyreg.pickle(type(z), lambda z: (str, (by,)))\nreturn z",
           before="import copyreg, zlib\nz = zlib.decompressobj()\nby = 'a'"), "'a'", "'b'"),
    "the sign of zero": (fn("return lambda x: x * 0.0"), "0.0", "-0.0"),
}  # fmt: skip

# what is no part of a result: (a program, what is changed, to what)
INDIFFERENT = {
    "a comment": (net("return x * 2  # two"), "# two", "# twice"),
    "an empty line": (net("return x * 2"), "    def forward", "\n\n    def forward"),
    "the name of a local variable": (fn("return f", before="def f(x):\n    y = x * 2\n    return y"), "y", "z"),
    "a method that is never called": (net(more="def plot(self): return 2"), "return 2", "return 3"),
    "an attribute that no code reads": (net(init="self.made = 2"), "made = 2", "made = 3"),
    "how an object is shown": (net(more="def __repr__(self): return 'a'"), "'a'", "'b'"),
    "how a module is made": (net(init="a = 2"), "a = 2", "a = 3"),
    "the mode": (net(after="net.train()"), "train()", "eval()"),
    "gradients": (net(after="net.requires_grad_(True)"), "True", "False"),
    "the order in which attributes are set": (
        net("return x * self.a * self.b", init="self.a = 1\nself.b = 2"), "self.a = 1\n        self.b = 2",
        "self.b = 2\n        self.a = 1"),
    "the order of a set": (net("return x * (1 in self.c)", init="self.c = {1, 9, 17}"), "{1, 9, 17}", "{17, 9, 1}"),
    "a global that is not read": (fn("return lambda x: x", before="BY = 2"), "BY = 2", "BY = 3"),
    "the content of a cache": (
        fn("f(1)\nreturn f", before="@functools.lru_cache\ndef f(x): return x * 2"), "f(1)", "f(2)"),
    "a lock": (net("return x * (self.lock is None)", init="self.lock = threading.Lock()"), "Lock()", "Lock() or 1"),
}  # fmt: skip


def made(source, name="a_users_module"):
    """What `make()` of a program gives, as from a module of a user."""
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(compile(HEAD + source, f"{name}.py", "exec"), module.__dict__)
    return module.make()


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_one_thing_changes_the_key(what):
    source, old, new = CHANGES[what]
    assert old in source
    before, again, after = (fingerprint(made(text)) for text in (source, source, source.replace(old, new)))
    assert not reasons(before + after)
    assert before == again
    assert before != after


@pytest.mark.parametrize("what", INDIFFERENT)
def test_what_a_result_does_not_depend_on_leaves_the_key(what):
    source, old, new = INDIFFERENT[what]
    assert old in source
    before, after = (fingerprint(made(text)) for text in (source, source.replace(old, new)))
    assert not reasons(before + after)
    assert before == after


def keys():
    sources = {what: source for what, (source, _, _) in (CHANGES | INDIFFERENT).items()}
    return {what: fingerprint(made(source)) for what, source in sources.items()}


def test_another_process_has_the_same_keys():
    code = "import json, test_fingerprints as t; print(json.dumps(t.keys()))"
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    env = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    here, there = keys(), json.loads(run.stdout.splitlines()[-1])
    assert {what for what in here if here[what] != there[what]} == set()
