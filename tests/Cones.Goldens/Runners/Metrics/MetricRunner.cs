using System.Text.Json;
using Cones.Evaluation;
using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Goldens.Runners.Metrics;

/// <summary>CLIP-I, CLIP-T, CLIPScore, KID and FID from given features.</summary>
sealed class MetricRunner : IGoldenRunner
{
    public IReadOnlyCollection<string> Kinds { get; } = ["metric-clip", "metric-kid", "metric-fid"];

    public void Run(GoldenCase golden, GoldenResult result)
    {
        if (golden.Kind == "metric-clip") RunClip(golden, result);
        else if (golden.Kind == "metric-kid") RunKid(golden, result);
        else RunFid(golden, result);
        result.RequireAllOutputs();
    }

    static void RunClip(GoldenCase golden, GoldenResult result)
    {
        var (image, text, real) = (golden.Tensors["in.image"], golden.Tensors["in.text"], golden.Tensors["in.real"]);
        result.Check("mid.image_real_cosines", ClipMetrics.CosineMatrix(image, real));
        result.Check("out.cosine", ClipMetrics.PairCosines(image, text));
        result.Check("out.clip_t", One(ClipMetrics.ClipT(image, text)));
        result.Check("out.clipscore_2.5_per_pair", ClipMetrics.ClipScores(image, text));
        result.Check("out.clipscore_2.5", One(ClipMetrics.ClipScore(image, text)));
        result.Check("out.torchmetrics_100", One(ClipMetrics.TorchMetricsClipScore(image, text)));
        result.Check("out.clip_i", One(ClipMetrics.ClipI(image, real)));
        result.Check("out.clip_i_real_real", One(ClipMetrics.ClipIAmongReal(real)));
    }

    static void RunKid(GoldenCase golden, GoldenResult result)
    {
        var (real, fake) = (golden.Tensors["in.real"], golden.Tensors["in.fake"]);
        var (realIndex, fakeIndex) = (golden.Tensors["in.real_index"], golden.Tensors["in.fake_index"]);
        var kernel = new PolynomialKernel(
            (int)(Number(golden.Params, "degree") ?? 3), Number(golden.Params, "gamma"), Number(golden.Params, "coef") ?? 1);
        var values = KernelDistance.OverSubsets(real, fake, realIndex, fakeIndex, kernel);
        var summary = ScoreSummary.Of(values);
        var first = real.index_select(0, realIndex[0]);
        result.Check("mid.kernel_real_real_subset0", kernel.Matrix(first, first));
        result.Check("mid.kernel_real_fake_subset0", kernel.Matrix(first, fake.index_select(0, fakeIndex[0])));
        result.Check("out.subset_values", tensor(values.ToArray()));
        result.Check("out.mean", One(summary.Mean));
        result.Check("out.std_population", One(summary.StandardDeviation));
        result.Check("out.full_unbiased", One(KernelDistance.Unbiased(real, fake, kernel)));
    }

    static void RunFid(GoldenCase golden, GoldenResult result)
    {
        using var real = FeatureStatistics.Of(golden.Tensors["in.real"]);
        using var fake = FeatureStatistics.Of(golden.Tensors["in.fake"]);
        result.Check("mid.mean_real", real.Mean);
        result.Check("mid.mean_fake", fake.Mean);
        result.Check("mid.cov_real", real.Covariance);
        result.Check("mid.cov_fake", fake.Covariance);
        result.Check("mid.trace_sqrt_product", One(FrechetDistance.TraceOfRoot(real, fake)));
        result.Check("out.fid", One(FrechetDistance.Compute(real, fake)));
    }

    static Tensor One(double value) => tensor(new[] { value });

    static double? Number(JsonElement json, string name) =>
        json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
}
