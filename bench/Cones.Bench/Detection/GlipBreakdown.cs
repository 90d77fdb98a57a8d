using Cones.Models.Glip;
using Cones.Models.Glip.Head;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Bench.Detection;

/// <summary>Times GLIP's parts one by one, in seconds: all layers of the tower of a kind together.</summary>
static class GlipBreakdown
{
    public static IEnumerable<(string Name, double Seconds)> Measure(
        GlipModel model, Tensor pixels, IReadOnlyList<Tensor> levels, Tensor hidden, Tensor mask, int repetitions)
    {
        var layers = model.Head.Tower.Count;
        yield return ("swin_forward", Time(repetitions, () =>
        {
            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            model.Backbone.Swin.Forward(pixels);
        }));

        var layer = model.Head.Tower[^1];
        using var outer = NewDisposeScope();
        var masks = new TextMasks(mask, ScalarType.Float32);
        var image = levels.Select(l => l.detach().clone().permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).requires_grad_()).ToArray();
        var text = hidden.detach().clone().requires_grad_();
        foreach (var (name, run) in ((string, Func<IEnumerable<Tensor>>)[])
            [
                ("fusion", () => Tensors(layer.Fusion!.Forward(new TowerState(image, text), masks.Image))),
                ("text_layer", () => [layer.Text!.Forward(text, masks.Text)]),
                ("dyconv", () => layer.Convolution.Forward(image)),
            ])
            foreach (var timed in Both(name, run, layers, repetitions)) yield return timed;
    }

    static IEnumerable<(string Name, double Seconds)> Both(string name, Func<IEnumerable<Tensor>> run, int layers, int repetitions)
    {
        var forward = Time(repetitions, () =>
        {
            using var scope = NewDisposeScope();
            foreach (var _ in run())
            {
            }
        });
        var both = Time(repetitions, () =>
        {
            using var scope = NewDisposeScope();
            var outputs = run().ToList();
            autograd.backward(outputs, [.. outputs.Select(o => o.detach())]);
        });
        return [($"{name}_forward", forward * layers), ($"{name}_backward", (both - forward) * layers)];
    }

    static Tensor[] Tensors(TowerState state) => [.. state.Levels, state.Hidden];

    static double Time(int repetitions, Action step) => Infrastructure.StepTimer.Median(repetitions, step);
}
