using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;

namespace Cones.Models.Native;

/// <summary>Makes TorchSharp's native library load on systems whose libstdc++ is older than the one it was built with.</summary>
/// <remarks>
/// Nothing happens on a system that needs no help: the hook below runs only after the runtime's own search has failed.
/// See <see cref="ElfVersionPatch"/> for what is changed in the copy, and why that is safe.
/// </remarks>
public static class LibTorch
{
    const string LibraryName = "LibTorchSharp";
    const string FileName = "libLibTorchSharp.so";
    const string MissingVersion = "GLIBCXX_3.4.32";

    /// <summary>The libraries that TorchSharp's library needs, in the order in which they must be loaded.</summary>
    static readonly string[] s_dependencies = ["libgomp-98b21ff3.so.1", "libc10.so", "libtorch_cpu.so", "libtorch.so"];

    static readonly Lock s_lock = new();
    static IntPtr s_handle;

    /// <summary>The patched copy in use, or null where the original loaded.</summary>
    public static string? PatchedCopy { get; private set; }

    /// <summary>Why no copy could be made or loaded, or null.</summary>
    public static string? Failure { get; private set; }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The hook must exist before the first tensor does, whoever makes it.")]
    internal static void Register()
    {
        if (!OperatingSystem.IsLinux()) return;
        WaitPolicy.Apply();
        AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name == LibraryName ? Resolve() : IntPtr.Zero;
    }

    /// <summary>Installs the hook. Any use of this library does it too; call this where TorchSharp may be used first.</summary>
    public static void Initialize()
    {
        // The module initializer has run by the time a method of this assembly can.
    }

    static IntPtr Resolve()
    {
        lock (s_lock)
        {
            if (s_handle != IntPtr.Zero) return s_handle;
            try
            {
                var original = Find(FileName);
                if (original is null)
                {
                    Failure = $"{FileName} was not found beside the program: restore the NuGet package TorchSharp";
                    return IntPtr.Zero;
                }

                foreach (var dependency in s_dependencies)
                    if (Find(dependency) is { } path) NativeLibrary.TryLoad(path, out _);

                var copy = PatchedLibrary.EnsureCopy(original, MissingVersion, CacheFolder());
                if (copy is null)
                {
                    Failure = $"{original} could not be loaded, and not for want of {MissingVersion}: is libtorch beside it?";
                    return IntPtr.Zero;
                }

                s_handle = NativeLibrary.Load(copy);
                PatchedCopy = copy;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or DllNotFoundException)
            {
                Failure = e.Message;
            }

            return s_handle;
        }
    }

    /// <summary>Whether a library of LibTorch lies where this process looks for them.</summary>
    internal static bool Has(string file) => Find(file) is not null;

    static string? Find(string file) => SearchFolders().Select(f => Path.Combine(f, file)).FirstOrDefault(File.Exists);

    static IEnumerable<string> SearchFolders()
    {
        if (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") is string folders)
            foreach (var folder in folders.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
                yield return folder;
        yield return AppContext.BaseDirectory;
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
        yield return Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native");
    }

    static string CacheFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache))
            cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "cones", "native");
    }
}
