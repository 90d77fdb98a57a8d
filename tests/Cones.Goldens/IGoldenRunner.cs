namespace Cones.Goldens;

/// <summary>Runs the cases of some kinds. Every implementation in this assembly is found by reflection.</summary>
public interface IGoldenRunner
{
    /// <summary>The kinds of case it runs.</summary>
    IReadOnlyCollection<string> Kinds { get; }

    /// <summary>Runs one case inside a dispose scope and notes the differences in <paramref name="result"/>.</summary>
    void Run(GoldenCase golden, GoldenResult result);
}
