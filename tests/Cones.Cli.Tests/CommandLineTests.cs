namespace Cones.Cli.Tests;

public class CommandLineTests
{
    [Theory]
    [InlineData("no-such-command")]
    [InlineData("doctor", "--no-such-option")]
    [InlineData("models", "inspect")]
    [InlineData("concept", "convert", "a.pt")]
    [InlineData("concept", "convert", "a.pt", "-o", "b.pt", "--to", "word")]
    [InlineData("search", "generation")]
    [InlineData("search", "generation", "--images", "a", "--seed", "x")]
    [InlineData("search", "generation", "--images", "a", "--lr", "fast")]
    [InlineData("generate")]
    [InlineData("generate", "a dog", "--seed", "-1")]
    public void What_cannot_be_parsed_is_refused_with_a_hint(params string[] args)
    {
        var cli = Cli.Run(args);
        cli.MustRefuse("--help");
        Assert.DoesNotContain("System.", cli.Error);
    }

    [Theory]
    [InlineData("is no command of `cones`: search, generate", "serch")]
    [InlineData("is no command of `cones search`: generation", "search", "generaton", "--images", "a")]
    [InlineData("is no option of `cones doctor`", "doctor", "--fast")]
    [InlineData("did you mean --steps?", "search", "generation", "--images", "a", "--stpes", "4")]
    [InlineData("did you mean --scheduler?", "generate", "a dog", "--shedular=euler")]
    [InlineData("in quotes", "generate", "a", "dog")]
    [InlineData("in quotes", "search", "generation", "--images", "a", "--init", "red", "apple")]
    public void What_is_not_known_is_one_sentence(string part, params string[] args)
    {
        var cli = Cli.Run(args);
        cli.MustRefuse(part);
        Assert.Equal(2, cli.Error.Trim().Split('\n').Length); // and where the help is
    }

    [Theory]
    [InlineData("doctor")]
    [InlineData("generation", "search")]
    [InlineData("generation", "evaluate")]
    [InlineData("convert", "concept")]
    public void A_command_of_commands_alone_lists_them(string listed, params string[] args) => Cli.Run(args).MustRefuse("Commands:", listed);

    [Theory]
    [InlineData("doctor")]
    [InlineData("models", "inspect")]
    [InlineData("concept", "show")]
    [InlineData("concept", "convert")]
    [InlineData("search", "generation")]
    [InlineData("generate")]
    [InlineData("evaluate", "generation")]
    public void Every_command_has_help(params string[] args)
    {
        var cli = Cli.Run([.. args, "--help"]);
        Assert.Equal(ExitCodes.Success, cli.ExitCode);
        Assert.Contains("Usage:", cli.Output);
    }

    [Fact]
    public void A_list_of_commands_has_a_line_for_each_and_a_command_s_help_its_example()
    {
        var list = Cli.Run("--help").Output.Split('\n').SkipWhile(l => l.Trim() != "Commands:").Skip(1).Where(l => l.Trim().Length > 0).ToArray();
        Assert.Equal(9, list.Length);
        Assert.Contains("-o beach.png", Cli.Run("generate", "--help").Output);
    }

    [Fact]
    public void Verbose_adds_the_stack_trace()
    {
        var cli = Cli.Run("concept", "show", "no-such-file.pt", "--verbose");
        Assert.Equal(ExitCodes.BadInput, cli.ExitCode);
        Assert.Contains("   at ", cli.Error);
    }
}
