using System.CommandLine;
using Cones.Cli.Output;
using Cones.Concepts;
using Cones.Concepts.Formats;
using Cones.Models;

namespace Cones.Cli.Concepts;

/// <summary><c>cones concept convert</c>: between concept files and the embedding files of other programs.</summary>
static class ConvertCommand
{
    public static Command Create()
    {
        var input = new Argument<string>("in") { Description = "A concept file, or an embedding file of another program." };
        var output = new Option<string>("--output", "-o") { Description = "The file to write.", Required = true };
        var to = new Option<string?>("--to") { Description = "The format; by default what is usual for the extension." };
        to.AcceptOnlyFromAmong(EmbeddingFormats.Names);
        var concept = new Option<string?>("--concept") { Description = "Which concept, where the file has several." };
        var name = new Option<string?>("--name") { Description = "The name of the result, e.g. <dog>; by default the file's." };
        var model = new Option<string?>("--model") { Description = "The model that the vectors are for (folder or Hugging Face id): needed to make a concept file." };
        var baseText = new Option<string>("--base-text") { Description = "For concept files: the words that the text encoder sees in place of the name.", DefaultValueFactory = _ => "object" };
        var json = new Option<bool>("--json") { Description = "Print the result as JSON." };
        var command = new Command(
            "convert",
            "Convert between concept files and embeddings of other programs. Embeddings stay at their end of the text encoder: a pseudo-word becomes an input embedding, a concept with the slot rule overwrite an output embedding (OneTrainer), one with the rule full or full-but-first a whole prompt.")
        {
            input, output, to, concept, name, model, baseText, json,
        };
        command.SetAction(parsed =>
        {
            var options = new ConvertOptions(
                parsed.GetValue(input)!,
                parsed.GetValue(output)!,
                parsed.GetValue(to),
                parsed.GetValue(concept),
                parsed.GetValue(name),
                parsed.GetValue(model) is { } named ? ModelFolder.Resolve(named) : null,
                parsed.GetValue(baseText)!);
            var result = Convert(options, parsed.InvocationConfiguration.Error);
            if (parsed.GetValue(json)) JsonOutput.Write(parsed.InvocationConfiguration.Output, result);
            else parsed.InvocationConfiguration.Output.WriteLine(result);
            return ExitCodes.Success;
        });
        return command;
    }

    /// <summary>What was written; names and rules only where the format has them.</summary>
    sealed record Conversion(string Output, string Format, string? Name, string? Method, string? Rule)
    {
        public override string ToString() =>
            $"{Output}: {string.Join(", ", new[] { Format == EmbeddingFormats.Own ? null : Format, Name, Method is null ? null : $"method {Method}", Rule is null ? null : $"rule {Rule}" }.OfType<string>())}";
    }

    /// <summary>Converts and says what was written.</summary>
    static Conversion Convert(ConvertOptions options, TextWriter notes)
    {
        if (Path.GetFullPath(options.Input) == Path.GetFullPath(options.Output))
            throw new ConesException($"{options.Output} is the file to be read: write to another");

        var own = ConceptReport.IsConcept(options.Input);
        using var file = own ? ConceptExport.Read(options, notes) : EmbeddingFile.Read(options.Input);
        if (EmbeddingFormats.ToWrite(options.To, options.Output, file) is not { } format)
        {
            if (own) throw new ConesException($"{options.Input} is a concept file already: copy it, or name another format with --to");
            using var concept = ConceptImport.ToConcept(file, options, notes);
            concept.Save(options.Output);
            return new Conversion(options.Output, EmbeddingFormats.Own, concept.Concepts[0].Name, concept.Metadata.Method, Prompts.SlotRules.NameOf(concept.Metadata.SlotRule));
        }

        var named = Renamed(file, options.Name ?? file.Placeholder ?? ConceptImport.NameFromFile(options.Input));
        named.Write(options.Output, format);
        return new Conversion(options.Output, EmbeddingFormats.NameOf(format), format is EmbeddingFormat.Diffusers or EmbeddingFormat.A1111 ? named.Placeholder : null, null, null);
    }

    // Shares the tensors with the original, which owns them.
    static EmbeddingFile Renamed(EmbeddingFile file, string name) => new()
    {
        Format = file.Format,
        Placeholder = name,
        InputEmbeddings = file.InputEmbeddings,
        OutputEmbeddings = file.OutputEmbeddings,
        Prompt = file.Prompt,
        Metadata = file.Metadata,
        StoredType = file.StoredType,
        HasTwoEncoders = file.HasTwoEncoders,
    };
}
