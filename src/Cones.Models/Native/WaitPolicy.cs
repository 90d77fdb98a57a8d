using System.Runtime.InteropServices;

namespace Cones.Models.Native;

/// <summary>How LibTorch's threads wait for each other between two parallel loops.</summary>
/// <remarks>
/// By default they spin. Small models have thousands of short loops a second: where another program holds a core, the
/// spinning threads wait for one that does not run. Sleeping instead costs microseconds and was eight times faster on a busy
/// machine of two cores. What the user has set is left alone.
/// </remarks>
static partial class WaitPolicy
{
    /// <summary>Sets the policy in the native environment, which the OpenMP library reads when it is loaded.</summary>
    public static void Apply()
    {
        if (Environment.GetEnvironmentVariable("OMP_WAIT_POLICY") is not null || Environment.GetEnvironmentVariable("GOMP_SPINCOUNT") is not null) return;
        try
        {
            _ = SetEnvironment("OMP_WAIT_POLICY", "PASSIVE", 0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library: the default stays.
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
