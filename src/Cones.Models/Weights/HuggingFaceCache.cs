using System.Text.RegularExpressions;

namespace Cones.Models.Weights;

/// <summary>Finds models that Hugging Face libraries have downloaded. Nothing is fetched.</summary>
/// <param name="root">The folder that holds <c>models--ORG--NAME</c>.</param>
public sealed partial class HuggingFaceCache(string root)
{
    /// <summary>The folder that holds <c>models--ORG--NAME</c>.</summary>
    public string Root { get; } = root;

    /// <summary>
    /// The cache of this user: <c>HF_HUB_CACHE</c>, else <c>HUGGINGFACE_HUB_CACHE</c>, else <c>hub</c> in <c>HF_HOME</c>, else in
    /// <c>huggingface</c> in <c>XDG_CACHE_HOME</c>, by default <c>~/.cache</c>.
    /// </summary>
    /// <param name="variable">Gives an environment variable; null for those of this process.</param>
    public static HuggingFaceCache Default(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        if ((Text("HF_HUB_CACHE") ?? Text("HUGGINGFACE_HUB_CACHE")) is { } hub) return new HuggingFaceCache(hub);
        if (Text("HF_HOME") is { } home) return new HuggingFaceCache(Path.Combine(home, "hub"));
        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return new HuggingFaceCache(Path.Combine(Text("XDG_CACHE_HOME") ?? Path.Combine(user, ".cache"), "huggingface", "hub"));

        string? Text(string name) => variable(name) is { Length: > 0 } value ? value : null;
    }

    /// <summary>
    /// The folder of a model: <paramref name="pathOrId"/> itself where such a folder or file exists, else the model of this id in
    /// the cache.
    /// </summary>
    /// <param name="pathOrId">A path, or an id such as <c>openai/clip-vit-base-patch32</c>.</param>
    /// <param name="revision">A branch, tag or commit, for ids; null for <c>main</c>.</param>
    /// <exception cref="ConesException">Neither exists; the message says where it was looked for and how to get it.</exception>
    public string Resolve(string pathOrId, string? revision = null)
    {
        if (Directory.Exists(pathOrId) || File.Exists(pathOrId)) return pathOrId;
        return LooksLikeId(pathOrId)
            ? Find(pathOrId, revision)
            : throw new ConesException($"{pathOrId} does not exist and is no model id such as org/name: check the path");
    }

    /// <summary>The folder of a model in the cache.</summary>
    /// <param name="id">E.g. <c>openai/clip-vit-base-patch32</c>.</param>
    /// <param name="revision">A branch, tag or commit; null for <c>main</c>.</param>
    /// <exception cref="ConesException">It is not there.</exception>
    public string Find(string id, string? revision = null)
    {
        if (!LooksLikeId(id)) throw new ConesException($"'{id}' is no model id such as org/name");
        if (revision is not null && !RevisionPattern().IsMatch(revision)) throw new ConesException($"'{revision}' is no revision: give a branch, a tag or a commit");
        var model = Path.Combine(Root, $"models--{id.Replace("/", "--", StringComparison.Ordinal)}");
        var snapshots = Path.Combine(model, "snapshots");
        var reference = Path.Combine(model, "refs", revision ?? "main");
        var command = $"hf download {id}{(revision is null ? "" : $" --revision {revision}")}";
        if (!Directory.Exists(snapshots))
            throw new ConesException($"{id} is not in the Hugging Face cache (looked for {model}): get it with `{command}`, set HF_HOME to where it is, or give a path");

        var names = new[] { revision, ReadReference(reference) }.OfType<string>();
        if (names.Select(n => Path.Combine(snapshots, n)).FirstOrDefault(Directory.Exists) is { } found) return found;

        // Without a reference to main a single snapshot can only be the one that is meant.
        var all = Directory.GetDirectories(snapshots);
        if (revision is null && all.Length == 1) return all[0];
        throw new ConesException(
            $"{id} is in the Hugging Face cache, its revision {revision ?? "main"} is not (looked for {reference}; there is {string.Join(", ", all.Select(Path.GetFileName).Order())}): get it with `{command}`");
    }

    static string? ReadReference(string path)
    {
        if (!File.Exists(path)) return null;
        var hash = File.ReadAllText(path).Trim();
        return RevisionPattern().IsMatch(hash) ? hash : null;
    }

    static bool LooksLikeId(string text) => IdPattern().IsMatch(text) && !text.Contains("..", StringComparison.Ordinal) && !text.Contains("--", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?\z")]
    private static partial Regex IdPattern();

    [GeneratedRegex(@"^(?!.*\.\.)[\w][\w.-]*(/[\w][\w.-]*)*\z")]
    private static partial Regex RevisionPattern();
}
