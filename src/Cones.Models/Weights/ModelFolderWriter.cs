using Cones.Models.Layers;
using static TorchSharp.torch;

namespace Cones.Models.Weights;

/// <summary>Writes models that were trained as folders that load like the ones they came from.</summary>
public static class ModelFolderWriter
{
    /// <summary>Copies the files that belong to a model and writes its weights, <c>model.safetensors</c>.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">The folder; it is made where there is none.</param>
    /// <param name="beside">Configuration and vocabulary; those that lie in the folder already stay as they are.</param>
    /// <exception cref="ConesException">Something cannot be written.</exception>
    public static void Write(Module model, string folder, IEnumerable<string> beside)
    {
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var file in beside)
            {
                var copy = Path.Combine(folder, Path.GetFileName(file));
                if (Path.GetFullPath(copy) != Path.GetFullPath(file)) File.Copy(file, copy, overwrite: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConesException($"the model folder {folder} cannot be written ({e.Message}): choose another one, or make room", e);
        }

        // Last: a folder with weights is a whole one.
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), model.NamedWeights().ToDictionary(w => w.Key, w => w.Value.Value.detach()));
    }
}
