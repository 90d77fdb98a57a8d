namespace Cones.Models.Weights;

/// <summary>Finds the weights in a component's folder as diffusers and transformers save it.</summary>
public static class CheckpointFolder
{
    static readonly string[] s_names = ["diffusion_pytorch_model", "model", "pytorch_model"];
    static readonly string[] s_extensions = ["safetensors", "bin"];
    static readonly string[] s_looseExtensions = [".safetensors", ".pth", ".pt", ".bin", ".ckpt"];

    /// <summary>The weights' file, or the index of their shards.</summary>
    /// <param name="folder">The component's folder.</param>
    /// <param name="variant">The variant to take, e.g. <c>fp16</c>; null for the weights without one, or the only one that exists.</param>
    /// <exception cref="ConesException">There are none; the message says what there is.</exception>
    public static string FindWeights(string folder, string? variant = null)
    {
        if (Candidates(variant).Select(c => Path.Combine(folder, c)).FirstOrDefault(File.Exists) is { } found) return found;
        if (File.Exists(Path.Combine(folder, "model_index.json")))
            throw new ConesException($"{folder} is a whole pipeline: name the folder of one component ({string.Join(", ", Components(folder))})");

        var variants = Variants(folder);
        if (variant is not null)
            throw new ConesException($"{folder} has no weights of the variant '{variant}' (it has: {(variants.Length > 0 ? string.Join(", ", variants) : "none")}): ask for another");
        if (variants.Length > 0)
            return Candidates(variants.Contains("fp16") ? "fp16" : variants[0]).Select(c => Path.Combine(folder, c)).First(File.Exists);

        // A single file under a name of its own, e.g. GLIP's .pth.
        var loose = Directory.EnumerateFiles(folder).Where(f => s_looseExtensions.Contains(Path.GetExtension(f).ToLowerInvariant())).ToArray();
        if (loose.Length == 1) return loose[0];
        throw new ConesException(loose.Length == 0
            ? $"{folder} has no weights (model.safetensors, diffusion_pytorch_model.safetensors, pytorch_model.bin or their index.json): download them into it"
            : $"{folder} has several files that may be the weights ({string.Join(", ", loose.Select(Path.GetFileName).Order())}): name one of them");
    }

    /// <summary>The sub-folders that have a configuration or weights, in alphabetical order.</summary>
    public static IReadOnlyList<string> Components(string folder) =>
    [
        .. Directory.EnumerateDirectories(folder)
            .Where(d => File.Exists(Path.Combine(d, "config.json")) || File.Exists(Path.Combine(d, "scheduler_config.json")) || File.Exists(Path.Combine(d, "tokenizer_config.json")))
            .Select(d => Path.GetFileName(d)!)
            .Order(StringComparer.Ordinal),
    ];

    // Every place where the libraries have put a variant's name over the years.
    static IEnumerable<string> Candidates(string? variant)
    {
        foreach (var extension in s_extensions)
            foreach (var name in s_names)
            {
                if (variant is null)
                {
                    yield return $"{name}.{extension}";
                    yield return $"{name}.{extension}.index.json";
                    continue;
                }

                yield return $"{name}.{variant}.{extension}";
                yield return $"{name}.{extension}.index.{variant}.json";
                yield return $"{name}.{variant}.{extension}.index.json";
            }
    }

    static string[] Variants(string folder) =>
    [
        .. Directory.EnumerateFiles(folder)
            .SelectMany(f => Path.GetFileName(f).Split('.'))
            .Distinct()
            .Where(v => v.Length > 0 && Candidates(v).Any(c => File.Exists(Path.Combine(folder, c))))
            .Order(StringComparer.Ordinal),
    ];
}
