namespace Cones.Cli.Tests;

public class CommandLineTests
{
    [Theory]
    [InlineData("no-such-command")]
    [InlineData("doctor", "--no-such-option")]
    [InlineData("models", "inspect")]
    [InlineData("concept", "convert", "a.pt")]
    [InlineData("concept", "convert", "a.pt", "-o", "b.pt", "--to", "word")]
    public void What_cannot_be_parsed_is_refused_with_a_hint(params string[] args)
    {
        var cli = Cli.Run(args);
        cli.MustRefuse("--help");
    }

    [Theory]
    [InlineData("doctor")]
    [InlineData("models", "inspect")]
    [InlineData("concept", "show")]
    [InlineData("concept", "convert")]
    public void Every_command_has_help(params string[] args)
    {
        var cli = Cli.Run([.. args, "--help"]);
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.Contains("Usage:", cli.Output);
    }

    [Fact]
    public void Verbose_adds_the_stack_trace()
    {
        var cli = Cli.Run("concept", "show", "no-such-file.pt", "--verbose");
        Assert.Equal(ExitCodes.BadInput, cli.ExitCode);
        Assert.Contains("   at ", cli.Error);
    }
}
