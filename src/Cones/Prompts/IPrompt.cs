using TorchSharp;
using static TorchSharp.torch;

namespace Cones.Prompts;

/// <summary>A prompt: makes conditioning and owns what is trainable in it. It knows nothing of tasks.</summary>
public interface IPrompt
{
    /// <summary>The genre, as in options and concept files: <c>text</c>, <c>concept</c>, <c>pseudo-word</c>, ...</summary>
    string Method { get; }

    /// <summary>What is searched: named float32 leaves; empty for a written prompt.</summary>
    IReadOnlyList<KeyValuePair<string, Tensor>> Parameters { get; }

    /// <summary>The number of templates that <see cref="Build"/> knows.</summary>
    int TemplateCount { get; }

    /// <summary>The conditioning of a batch, with a graph to <see cref="Parameters"/>.</summary>
    /// <param name="templates">For every row of the batch the number of its template, below <see cref="TemplateCount"/>.</param>
    Conditioning Build(ReadOnlySpan<int> templates);

    /// <summary>Brings the parameters back into their bounds after an optimiser step.</summary>
    void Project();
}
