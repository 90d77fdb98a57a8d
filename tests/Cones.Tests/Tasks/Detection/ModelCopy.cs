using System.Text.Json.Nodes;

namespace Cones.Tests.Tasks.Detection;

/// <summary>Copies of the goldens' tiny models with other settings.</summary>
static class ModelCopy
{
    /// <summary>Copies a model's folder, and changes one of its JSON files.</summary>
    public static string Make(string model, string folder, string file, Action<JsonObject> change)
    {
        Directory.CreateDirectory(folder);
        foreach (var path in Directory.GetFiles(model)) File.Copy(path, Path.Combine(folder, Path.GetFileName(path)), overwrite: true);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, file)))!.AsObject();
        change(json);
        File.WriteAllText(Path.Combine(folder, file), json.ToJsonString());
        return folder;
    }
}
