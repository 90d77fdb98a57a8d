using System.Text.Json.Nodes;

namespace Cones.Models.StableDiffusion.Schedulers;

/// <summary>Short names of schedulers with their usual options, for command lines.</summary>
public static class SchedulerNames
{
    static readonly Dictionary<string, Func<JsonObject>> s_changes = new()
    {
        // Latents are not bounded by ±1: the classes' own default of clipping would damage them.
        ["ddpm"] = () => Class(SchedulerClasses.Ddpm, ("clip_sample", false)),
        ["ddim"] = () => Class(SchedulerClasses.Ddim, ("clip_sample", false)),
        ["pndm"] = () => Class(SchedulerClasses.Pndm, ("skip_prk_steps", true)),
        ["euler"] = () => Class(SchedulerClasses.Euler, ("use_karras_sigmas", false)),
        ["euler-karras"] = () => Class(SchedulerClasses.Euler, ("use_karras_sigmas", true)),
        ["euler-a"] = () => Class(SchedulerClasses.EulerAncestral),
        ["dpmpp-2m"] = () => DpmSolver("dpmsolver++", karras: false),
        ["dpmpp-2m-karras"] = () => DpmSolver("dpmsolver++", karras: true),
        ["dpmpp-2m-sde"] = () => DpmSolver("sde-dpmsolver++", karras: false),
        ["dpmpp-2m-sde-karras"] = () => DpmSolver("sde-dpmsolver++", karras: true),
        ["unipc"] = () => Class(SchedulerClasses.UniPc, ("use_karras_sigmas", false)),
        ["unipc-karras"] = () => Class(SchedulerClasses.UniPc, ("use_karras_sigmas", true)),
    };

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> All { get; } = [.. s_changes.Keys];

    /// <summary>The configuration of <paramref name="name"/> for a model that was shipped with <paramref name="shipped"/>.</summary>
    /// <param name="name">One of <see cref="All"/>, in any case.</param>
    /// <param name="shipped">The model's own scheduler: β, the prediction type and spacing are taken from it.</param>
    /// <exception cref="ConesException">The name is not known.</exception>
    public static SchedulerConfig Configure(string name, SchedulerConfig shipped) =>
        s_changes.TryGetValue(name.ToLowerInvariant(), out var changes)
            ? shipped.With(changes())
            : throw new ConesException($"scheduler '{name}' is not known; choose one of {string.Join(", ", All)}");

    static JsonObject DpmSolver(string algorithm, bool karras) => Class(
        SchedulerClasses.DpmSolver,
        ("algorithm_type", algorithm),
        ("solver_order", 2),
        ("use_karras_sigmas", karras));

    static JsonObject Class(string className, params (string Name, JsonNode Value)[] options)
    {
        var changes = new JsonObject { ["_class_name"] = className };
        foreach (var (name, value) in options) changes[name] = value;
        return changes;
    }
}
