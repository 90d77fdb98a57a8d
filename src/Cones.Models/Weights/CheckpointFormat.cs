namespace Cones.Models.Weights;

/// <summary>What a file or folder is, by its content.</summary>
public enum CheckpointFormat
{
    /// <summary>None of the others.</summary>
    Unknown,

    /// <summary>A safetensors file.</summary>
    Safetensors,

    /// <summary>A file of <c>torch.save</c> since PyTorch 1.6: a zip archive.</summary>
    TorchZip,

    /// <summary>A file of <c>torch.save</c> before PyTorch 1.6, or a bare pickle.</summary>
    TorchLegacy,

    /// <summary>Several files and an index (<c>*.index.json</c>).</summary>
    Sharded,

    /// <summary>A pointer that Git LFS left in place of the file.</summary>
    GitLfsPointer,

    /// <summary>A web page, mostly the error page of a failed download.</summary>
    Html,

    /// <summary>A tar archive: <c>torch.save</c> before PyTorch 0.1.10.</summary>
    Tar,

    /// <summary>A GGUF file of llama.cpp.</summary>
    Gguf,

    /// <summary>An HDF5 file of Keras.</summary>
    Hdf5,
}
