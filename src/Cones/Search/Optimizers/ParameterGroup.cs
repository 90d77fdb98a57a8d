namespace Cones.Search.Optimizers;

/// <summary>Factors for every parameter whose name contains a text; those of several groups are multiplied.</summary>
/// <param name="Contains">A part of the names, e.g. <c>bias</c>.</param>
/// <param name="RateFactor">Multiplies the learning rate, at least 0.</param>
/// <param name="DecayFactor">Multiplies the weight decay, at least 0.</param>
public sealed record ParameterGroup(string Contains, double RateFactor = 1, double DecayFactor = 1)
{
    /// <summary>Every value that is out of its range, one sentence each.</summary>
    public IEnumerable<string> Problems()
    {
        if (string.IsNullOrEmpty(Contains)) yield return "a group of parameters names no part of their names";
        if (!(RateFactor >= 0 && double.IsFinite(RateFactor))) yield return $"the rate factor of the group '{Contains}' is {RateFactor}, it must be at least 0";
        if (!(DecayFactor >= 0 && double.IsFinite(DecayFactor))) yield return $"the decay factor of the group '{Contains}' is {DecayFactor}, it must be at least 0";
    }
}
