namespace Cones.Models.Weights;

/// <summary>Opens checkpoints of any layout.</summary>
public static class Checkpoint
{
    /// <summary>Opens a file or a folder.</summary>
    public static ICheckpoint Open(string path) =>
        SafetensorsFile.Open(File.Exists(path) ? path : Directory.EnumerateFiles(path, "*.safetensors").Single());
}
