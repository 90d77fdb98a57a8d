using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cones.Data;

namespace Cones.Tasks.Detection;

/// <summary>Tells data sets apart by what a search sees of them.</summary>
static class DataDigest
{
    /// <summary>SHA-256 of the images' files and boxes, 64 hexadecimal digits.</summary>
    public static string Of(DetectionDataset dataset)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var image in dataset.Images)
        {
            if (image.Path is not null) hash.AppendData(File.ReadAllBytes(image.Path));
            foreach (var a in image.Annotations)
            {
                var name = dataset.Categories[dataset.CategoryIndex(a.CategoryId)].Name;
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}:{a.Box.X:r},{a.Box.Y:r},{a.Box.Width:r},{a.Box.Height:r},{a.IsCrowd}\n")));
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
