using System.Runtime.CompilerServices;
using Cones.Models.Native;

namespace Cones.Pretraining.Tests;

/// <summary>A test may touch TorchSharp before anything of Cones.Models has run: install the loader first.</summary>
static class LibTorchStart
{
    [ModuleInitializer]
    internal static void Initialize() => LibTorch.Initialize();
}
