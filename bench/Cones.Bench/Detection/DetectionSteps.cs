using System.Text.Json.Nodes;
using Cones.Bench.Infrastructure;
using Cones.Models.Native;

namespace Cones.Bench.Detection;

/// <summary>One search step in the forms that methods have: what is made anew in every step differs, the head's work is the same.</summary>
interface IDetectionSteps
{
    /// <summary>A concept, with the image's features and assignment kept.</summary>
    void Cached();

    /// <summary>A concept, with the image encoded and its boxes assigned.</summary>
    void Concept();

    /// <summary>Words at the text encoder's input, with image and text encoded.</summary>
    void PseudoWord();

    /// <summary>The same with a caption filled up to the model's length, as the reference implementations run it.</summary>
    void PseudoWordPadded();

    /// <summary>Gradients of all weights, and a plain update.</summary>
    void Full();

    /// <summary>Lets gradients into all weights, or keeps them out again.</summary>
    void Train(bool on);

    /// <summary>Operations of <see cref="Cached"/>: products and convolutions.</summary>
    (double Gemm, double Convolution) CachedFlops { get; }

    /// <summary>Operations that a pseudo-word's step has more: of the image, and of the text forward and backward; or of a filled caption.</summary>
    double FurtherFlops(bool padded);
}

/// <summary>Times all forms of a step.</summary>
static class DetectionSteps
{
    /// <summary>Measures, with the machine's rates before, between and after.</summary>
    /// <param name="steps">The steps.</param>
    /// <param name="repetitions">Of each, after one to warm up.</param>
    /// <param name="padded">Whether the caption is also filled up, once.</param>
    /// <param name="full">Whether all weights are trained too, once.</param>
    public static JsonObject Measure(IDetectionSteps steps, int repetitions, bool padded, bool full)
    {
        MachineReport.Measure();
        NativeMemory.Release();
        PeakMemory.Reset();
        var cached = Time("concept, cached", steps.Cached, repetitions);
        var peak = PeakMemory.Megabytes();
        MachineReport.Measure();
        var concept = Time("concept", steps.Concept, repetitions);
        var word = Time("pseudo-word", steps.PseudoWord, repetitions);
        double? wordPadded = padded ? Time("pseudo-word, caption filled up", steps.PseudoWordPadded, 1) : null;
        MachineReport.Measure();
        var (fullSeconds, fullPeak) = full ? Full(steps) : default;
        MachineReport.Measure();

        var (gemm, convolution) = steps.CachedFlops;
        var own = gemm + convolution;
        var bound = (own + steps.FurtherFlops(padded: false)) / own;
        var result = new JsonObject
        {
            ["concept_cached_s"] = Math.Round(cached, 4),
            ["concept_s"] = Math.Round(concept, 4),
            ["pseudo_word_s"] = Math.Round(word, 4),
            ["full_s"] = full ? Math.Round(fullSeconds, 4) : null,
            // A pseudo-word's step against the concept's, and what counted arithmetic alone would give.
            ["ratio"] = Math.Round(word / cached, 3),
            ["bound"] = Math.Round(bound, 3),
            ["of_bound"] = Math.Round(word / cached / bound, 3),
            ["utilisation"] = Math.Round(((gemm / MachineReport.Gemm) + (convolution / MachineReport.Convolution)) / 1e9 / cached, 3),
            ["peak_mb"] = Math.Round(peak),
            ["full_peak_mb"] = full ? Math.Round(fullPeak) : null,
            ["gemm_gflop"] = Math.Round(gemm / 1e9, 2),
            ["convolution_gflop"] = Math.Round(convolution / 1e9, 2),
        };
        if (wordPadded is not { } seconds) return result;
        var paddedBound = (own + steps.FurtherFlops(padded: true)) / own;
        result["pseudo_word_padded_s"] = Math.Round(seconds, 4);
        result["padded_ratio"] = Math.Round(seconds / cached, 3);
        result["padded_bound"] = Math.Round(paddedBound, 3);
        result["of_padded_bound"] = Math.Round(seconds / cached / paddedBound, 3);
        return result;
    }

    static (double Seconds, double Peak) Full(IDetectionSteps steps)
    {
        NativeMemory.Release();
        PeakMemory.Reset();
        steps.Train(true);
        try
        {
            return (Time("full", steps.Full, 1), PeakMemory.Megabytes());
        }
        finally
        {
            steps.Train(false);
            NativeMemory.Release();
        }
    }

    static double Time(string what, Action step, int repetitions)
    {
        Console.Error.WriteLine(what);
        return StepTimer.Median(repetitions, step);
    }
}
