"""Which ecosystems of packages there are; adding one is one file and one line here, and its step kinds below."""

from __future__ import annotations

from ...contract import StepKind
from ..checks import Checks
from ..part import Provider
from .apt import Apt, AptUpdate
from .dotnet import DotNetProvider
from .dotnetsteps import DotNet
from .go import GoProvider
from .gosteps import GoCache, GoFiles
from .gradlesteps import Gradle
from .grown import Grown
from .java import JavaProvider
from .javasteps import Maven
from .node import NodeProvider
from .nodesteps import NodeStep
from .php import PhpProvider
from .phpsteps import ComposerStep
from .pysteps import Editable, Install, MakeVenv, Sync
from .python import PythonProvider
from .ruby import RubyProvider
from .rubysteps import BundleStep
from .runtime import Mise, UvPython
from .rust import RustProvider
from .ruststeps import RustCache, RustFiles

PROVIDERS: tuple[Provider, ...] = (
    PythonProvider(),
    NodeProvider(),
    GoProvider(),
    RustProvider(),
    JavaProvider(),
    RubyProvider(),
    PhpProvider(),
    DotNetProvider(),
)

STEPS: tuple[StepKind, ...] = (
    MakeVenv(),
    Install(),
    Editable(),
    Sync(),
    NodeStep(),
    BundleStep(),
    ComposerStep(),
    Grown(),
    Maven(),
    Gradle(),
    DotNet(),
    Apt(),
    AptUpdate(),
    Mise(),
    UvPython(),
    Checks(),
    GoCache(),
    GoFiles(),
    RustCache(),
    RustFiles(),
)
