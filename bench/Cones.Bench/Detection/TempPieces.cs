using System.Diagnostics;
using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;
namespace Cones.Bench.Detection;
sealed class TempPieces : IBenchmark
{
    public string Name => "temp-pieces";
    public string Description => "x";
    public JsonObject Run(string[] args)
    {
        using var scope = NewDisposeScope();
        var o = new JsonObject();
        var norm = new GroupNorm(16, 256, 1e-5); RandomWeights.Fill(norm, 1);
        var conv27 = new Conv2d(256, 27, 3, padding: 1); RandomWeights.Fill(conv27, 1); conv27.ToChannelsLast();
        Tensor Map(int h, int w) => randn(1, h, w, 256).permute(0, 3, 1, 2).requires_grad_();
        var big = Map(100, 136); var half = Map(50, 68);
        var same = new DeformableConv2d(256, 256); RandomWeights.Fill(same, 1); same.ToChannelsLast();
        var off = (randn(1, 18, 100, 136) * 2).requires_grad_(); var mask = rand(1, 9, 100, 136).requires_grad_();
        T("deform100", () => same.Forward(big, off, mask), big);
        T("groupnorm", () => norm.Forward(big), big);
        T("conv27", () => conv27.Forward(big), big);
        T("split27", () => { var p = conv27.Forward(big); return p.narrow(1, 0, 18).contiguous(); }, big);
        T("interp", () => nn.functional.interpolate(half, size: [100, 136], mode: InterpolationMode.Bilinear, align_corners: true), half);
        T("mean1", () => big.permute(0, 2, 3, 1).reshape(1, 13600, 256).mean([1]), big);
        T("clone", () => big + 1, big);
        var tokens = randn(1, 17833, 256).requires_grad_();
        var ln = new LayerNorm(256); RandomWeights.Fill(ln, 1);
        T("layernorm", () => ln.Forward(tokens), tokens);
        var dirs = randn(1, 160, 256).requires_grad_();
        T("scores", () => dirs.bmm(tokens.transpose(1, 2)), tokens);
        var sc = randn(1, 160, 17833).requires_grad_();
        T("softmaxN", () => sc.softmax(-1), sc);
        T("softmaxT", () => sc.view(1, 8, 20, 17833).softmax(2), sc);
        T("gather", () => sc.bmm(tokens), sc);
        T("gatherT", () => sc.bmm(tokens), tokens);
        T("spread", () => tokens.baddbmm2(sc, dirs), sc);
        T("clamp", () => sc.clamp(-5e4, 5e4), sc);
        return o;
        void T(string n, Func<Tensor> f, Tensor input)
        {
            var (a, b) = (new List<double>(), new List<double>());
            for (var i = 0; i < 6; i++)
            {
                using var s = NewDisposeScope();
                var t = Stopwatch.GetTimestamp();
                var y = f();
                a.Add(Stopwatch.GetElapsedTime(t).TotalMilliseconds);
                var g = y.detach().clone();
                t = Stopwatch.GetTimestamp();
                autograd.grad([y], [input], [g]);
                b.Add(Stopwatch.GetElapsedTime(t).TotalMilliseconds);
            }
            o[n] = $"{StepTimer.MedianOf(a.Skip(1)):0.0}/{StepTimer.MedianOf(b.Skip(1)):0.0}";
        }
    }
}
static class X { public static Tensor baddbmm2(this Tensor image, Tensor sc, Tensor outs) => sc.transpose(1, 2).baddbmm(outs, image); }
