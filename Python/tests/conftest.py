import pytest

import switchback
from switchback import _command


@pytest.fixture(scope="session", autouse=True)
def command():
    """The command; tests without it would prove nothing."""
    try:
        return _command.find()
    except switchback.SwitchbackError as error:
        pytest.skip(f"skipped: {error}")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of `train`: a small network, trained for a moment."""
    out = tmp_path_factory.mktemp("trained") / "run"
    return switchback.train(
        "scenes:count=40",
        out=out,
        arch="zfnet",
        input=32,
        width=0.1,
        epochs=1,
        batch=16,
        init="he",
        quiet=True,
    )


@pytest.fixture(scope="session")
def model(trained):
    """The network's file."""
    return trained.path / "models" / "final.onnx"


@pytest.fixture(scope="session")
def gallery(model, tmp_path_factory):
    """A run of `features`, with arrays."""
    out = tmp_path_factory.mktemp("gallery") / "run"
    return switchback.features(
        model, "scenes:count=30", out=out, layers=["conv1", "conv5"], units="0..<4", arrays=True
    )
