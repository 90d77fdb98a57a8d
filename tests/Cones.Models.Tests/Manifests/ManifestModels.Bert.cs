using Cones.Models.Bert;

namespace Cones.Models.Tests.Manifests;

static partial class ManifestModels
{
    static IReadOnlyList<ManifestModel> Bert =>
    [
        new("bert/bert-base-uncased", () => new BertModel(new BertConfig(), withPooler: true), 109_482_240, BertKeys.Rename),
        new("bert/bert-base-uncased-pretraining", () => new BertModel(new BertConfig(), withPooler: true), 109_482_240, BertKeys.Rename) { Unused = ["cls."] },
    ];
}
