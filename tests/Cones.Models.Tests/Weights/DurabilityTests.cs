using Cones.Models.Weights;

namespace Cones.Models.Tests.Weights;

public sealed class DurabilityTests : IDisposable
{
    readonly string _folder = Directory.CreateTempSubdirectory("cones-files-").FullName;

    [Fact]
    public void A_folder_is_flushed_where_the_system_can()
    {
        Assert.Equal(!OperatingSystem.IsWindows(), FolderSync.Flush(_folder));
        Assert.False(FolderSync.Flush(Path.Combine(_folder, "none")));
    }

    [Fact]
    public void A_file_that_can_be_written_is_not_touched()
    {
        var path = Path.Combine(_folder, "a.txt");
        File.WriteAllText(path, "old");
        AtomicFile.RequireWritable(path);
        AtomicFile.RequireWritable(Path.Combine(_folder, "new.txt"));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Equal([path], Directory.GetFiles(_folder).ToArray());
    }

    [Fact]
    public void What_cannot_be_written_is_named_before_the_work()
    {
        Assert.Contains("does not exist", Refused(Path.Combine(_folder, "none", "a.txt")));
        Assert.Contains("a folder has this name", Refused(_folder));
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "root may write everywhere");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Assert.Contains("permissions", Refused(Path.Combine(_folder, "a.txt")));
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        static string Refused(string path) => Assert.Throws<ConesException>(() => AtomicFile.RequireWritable(path)).Message;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
