namespace Cones.Cli.Doctor;

/// <summary>What <c>cones doctor</c> found.</summary>
sealed record DoctorReport
{
    /// <summary>Whether models can run: no problem is an error.</summary>
    public bool Usable => Problems.All(p => p.Severity != Severity.Error);

    /// <summary>The version of this program.</summary>
    public required string Cones { get; init; }

    /// <summary>The version of .NET.</summary>
    public required string Dotnet { get; init; }

    public required string OperatingSystem { get; init; }

    public required string Architecture { get; init; }

    /// <summary>The processors that the process may use.</summary>
    public required int Cores { get; init; }

    public required string VectorLevel { get; init; }

    /// <summary>The memory that the process may use.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Whether there is Unicode data for text outside ASCII.</summary>
    public required bool Unicode { get; init; }

    public required NativeFacts Native { get; init; }

    public required ModelCache ModelCache { get; init; }

    public required IReadOnlyList<EmbeddedModel> EmbeddedModels { get; init; }

    public required IReadOnlyList<FolderFacts> Folders { get; init; }

    public IReadOnlyList<Problem> Problems { get; init; } = [];
}

/// <summary>What is known of LibTorch.</summary>
sealed record NativeFacts
{
    public bool Loaded { get; init; }

    public string? TorchSharp { get; init; }

    public string? LibTorch { get; init; }

    /// <summary>The threads of one operation.</summary>
    public int Threads { get; init; }

    /// <summary>The copy that is used since the original did not load, or null.</summary>
    public string? PatchedCopy { get; init; }

    /// <summary>Why it did not load, or null.</summary>
    public string? Failure { get; init; }

    /// <summary>GFLOP/s of a float32 matrix product; null where not measured.</summary>
    public double? GemmGflops { get; init; }

    /// <summary>GFLOP/s of a float32 convolution; null where not measured.</summary>
    public double? ConvolutionGflops { get; init; }
}

/// <summary>The models that Hugging Face libraries have downloaded.</summary>
sealed record ModelCache(string Path, bool Exists, long Bytes, IReadOnlyList<string> Models);

/// <summary>A model that is shipped with the program; without a path where it was not found.</summary>
sealed record EmbeddedModel(string Name, string? Path);

/// <summary>A folder that is written to.</summary>
sealed record FolderFacts(string Purpose, string Path, bool Writable, long? FreeBytes);

/// <summary>How bad a problem is.</summary>
enum Severity
{
    /// <summary>Works, but not as well as it could.</summary>
    Warning,

    /// <summary>Nothing can run.</summary>
    Error,
}

/// <summary>What is wrong and what to do.</summary>
sealed record Problem(Severity Severity, string What, string Remedy);
