using static TorchSharp.torch;

namespace Cones.Models.Layers;

/// <summary>Backward passes through graphs that are used once, as in every training step.</summary>
public static class OneTimeGraph
{
    [ThreadStatic]
    static bool t_passing;

    /// <summary>Whether such a pass is under way on this thread.</summary>
    internal static bool IsPassing => t_passing;

    /// <summary>
    /// Adds the gradients of a scalar to the leaves of its graph, freeing activations on the way: the peak of memory is that of
    /// the forward pass. The graph must not be used again.
    /// </summary>
    /// <param name="loss">A scalar with a graph.</param>
    public static void Backward(Tensor loss)
    {
        t_passing = true;
        try
        {
            loss.backward();
        }
        finally
        {
            t_passing = false;
        }
    }
}
